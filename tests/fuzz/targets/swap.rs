//! Ports whose inside can be replaced, so that each input finds a world as new while the router, which is dear to
//! build, stays.

use application::Ports;
use application::ports::{
    Archive, ChangeSignal, Clock, ClusterStatus, ClusterView, Consensus, ConsensusError, Freshness,
    IdGenerator, KeyMint, MembersChanged, Membership, MembershipError, MintedKey, Offered, SchemaEngine,
    SchemaFault, StateReader, Validator, View,
};
use async_trait::async_trait;
use domain::{
    ApiKeyId, Content, Digest, EnvironmentId, MemberId, Outcome, RequestId, SchemaId, SchemaVersion, Stamped,
    Timestamp,
};
use std::sync::{Arc, PoisonError, RwLock};

/// All ports of an application at once.
pub struct Swap(RwLock<Ports>);

impl Swap {
    pub fn new(ports: Ports) -> Arc<Self> {
        Arc::new(Self(RwLock::new(ports)))
    }

    /// From now on everyone who holds this uses these.
    pub fn replace(&self, ports: Ports) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = ports;
    }

    /// This as the ports of an application.
    pub fn ports(self: &Arc<Self>) -> Ports {
        Ports {
            consensus: self.clone(),
            state: self.clone(),
            schemas: self.clone(),
            keys: self.clone(),
            cluster: self.clone(),
            membership: self.clone(),
            env: application::Env { clock: self.clone(), ids: self.clone() },
        }
    }

    fn now(&self) -> Ports {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Consensus for Swap {
    async fn propose(&self, command: Stamped<domain::Command>) -> Result<Outcome, ConsensusError> {
        self.now().consensus.propose(command).await
    }
}

#[async_trait]
impl StateReader for Swap {
    async fn view(&self, freshness: Freshness) -> Result<View, ConsensusError> {
        self.now().state.view(freshness).await
    }

    fn follow(&self, environment: &EnvironmentId) -> Box<dyn ChangeSignal> {
        self.now().state.follow(environment)
    }
}

#[async_trait]
impl ClusterView for Swap {
    async fn status(&self) -> ClusterStatus {
        self.now().cluster.status().await
    }
}

#[async_trait]
impl Membership for Swap {
    async fn change(&self, command: Stamped<domain::Command>) -> Result<MembersChanged, MembershipError> {
        self.now().membership.change(command).await
    }

    async fn transfer(&self, to: Option<MemberId>) -> Result<MemberId, MembershipError> {
        self.now().membership.transfer(to).await
    }
}

#[async_trait]
impl SchemaEngine for Swap {
    async fn compile(&self, id: &SchemaId, schema: &Content, view: &View) -> Result<Offered, SchemaFault> {
        self.now().schemas.compile(id, schema, view).await
    }

    async fn committed(
        &self,
        id: &SchemaId,
        version: SchemaVersion,
        archive: &dyn Archive,
    ) -> Result<Arc<dyn Validator>, SchemaFault> {
        self.now().schemas.committed(id, version, archive).await
    }
}

impl KeyMint for Swap {
    fn mint(&self) -> MintedKey {
        self.now().keys.mint()
    }

    fn digest(&self, secret: &str) -> Option<Digest> {
        self.now().keys.digest(secret)
    }
}

impl IdGenerator for Swap {
    fn request_id(&self) -> RequestId {
        self.now().env.ids.request_id()
    }

    fn api_key_id(&self) -> ApiKeyId {
        self.now().env.ids.api_key_id()
    }

    fn user_id(&self) -> domain::UserId {
        self.now().env.ids.user_id()
    }

    fn session_id(&self) -> domain::SessionId {
        self.now().env.ids.session_id()
    }
}

impl Clock for Swap {
    fn now(&self) -> Timestamp {
        Self::now(self).env.clock.now()
    }
}
