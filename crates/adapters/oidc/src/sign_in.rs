//! One sign-in at one provider: the authorization URL, and the checks of the response.

use crate::claims::{Found, OtherClaims};
use crate::discovery::{Discovered, Discovery};
use crate::fault::{invalid, of_claims, of_exchange, of_userinfo, refused, unavailable};
use crate::settings::ProviderSettings;
use application::ports::identity::{ExternalIdentity, ExternalPerson, PendingSignIn, ProviderError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use domain::{Digest, Timestamp};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClientAuthMethod, CoreErrorResponseType,
    CoreGenderClaim, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret,
    CsrfToken, EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields,
    IdTokenVerifier, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse as _,
    UserInfoClaims,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::time::Duration;

/// Lifetime of a pending sign-in, in milliseconds.
const PENDING_MS: i64 = 10 * 60 * 1000;
/// Maximum difference by which a provider's clock may be ahead, in milliseconds.
const LEEWAY_MS: i64 = 60_000;
/// Timeout of all requests of one sign-in together.
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum length of an authorization code, in bytes.
const CODE_BYTES_MAX: usize = 4096;
/// Maximum length of a subject, in bytes (`OpenID` Connect Core section 2).
const SUBJECT_BYTES_MAX: usize = 255;
/// Accepted signature algorithms: asymmetric only. With HMAC any holder of the client secret could sign.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type Fields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type OidcClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A configured provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) settings: ProviderSettings,
    pub(crate) redirect: RedirectUrl,
    pub(crate) discovery: Discovery,
}

impl Provider {
    pub(crate) async fn begin(
        &self,
        state: &str,
        at: Timestamp,
    ) -> Result<(String, PendingSignIn), ProviderError> {
        let discovered = self.discovery.get().await?;
        let (nonce, verifier) = (random(), random());
        let secret = PkceCodeVerifier::new(verifier.expose_secret().to_owned());
        let client = self.client(&discovered);
        let (sent_state, sent_nonce) =
            (CsrfToken::new(state.to_owned()), Nonce::new(nonce.expose_secret().to_owned()));
        let mut request =
            client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || sent_state, || sent_nonce);
        for scope in &self.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&secret);
        let (url, _, _) = request.set_pkce_challenge(challenge).url();
        let pending = PendingSignIn {
            state: Digest::of(&[state.as_bytes()]),
            provider: self.settings.name.clone(),
            nonce,
            verifier,
            expires_at: Timestamp(at.0 + PENDING_MS),
        };
        Ok((url.into(), pending))
    }

    pub(crate) async fn finish(
        &self,
        pending: &PendingSignIn,
        code: &str,
        at: Timestamp,
    ) -> Result<ExternalPerson, ProviderError> {
        if pending.expires_at <= at {
            return Err(refused("time"));
        }
        if code.is_empty() || code.len() > CODE_BYTES_MAX {
            return Err(refused("the code"));
        }
        tokio::time::timeout(FINISH_TIMEOUT, self.exchange(pending, code, at))
            .await
            .map_err(|_| unavailable("it takes too long"))?
    }

    async fn exchange(
        &self,
        pending: &PendingSignIn,
        code: &str,
        at: Timestamp,
    ) -> Result<ExternalPerson, ProviderError> {
        let discovered = self.discovery.get().await?;
        let client = self.client(&discovered);
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| invalid("it names no token endpoint"))?
            .set_pkce_verifier(PkceCodeVerifier::new(pending.verifier.expose_secret().to_owned()))
            .request_async(&discovered.asker)
            .await
            .map_err(of_exchange)?;
        let mut found = Found::default();
        let groups_claim = self.settings.groups_claim.as_deref();
        let subject = match self.check(&discovered, &tokens, pending, at, &mut found) {
            Err(error) if may_be_a_new_key(&error) => match self.discovery.newer_keys(&discovered).await? {
                Some(newer) => self.check(&newer, &tokens, pending, at, &mut found),
                None => Err(error),
            },
            verdict => verdict,
        };
        let subject = subject.map_err(|error| of_claims(&error))?;
        if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
            return Err(refused("subject"));
        }
        if found.lacks_something(groups_claim) && discovered.metadata.userinfo_endpoint().is_some() {
            let expected = openidconnect::SubjectIdentifier::new(subject.clone());
            let claims: UserInfoClaims<OtherClaims, CoreGenderClaim> = client
                .user_info(tokens.access_token().clone(), Some(expected))
                .map_err(|_| invalid("it names no userinfo endpoint"))?
                .request_async(&discovered.asker)
                .await
                .map_err(of_userinfo)?;
            let email = claims.email().filter(|_| claims.email_verified() == Some(true));
            found.add(email, claims.name(), claims.additional_claims(), groups_claim);
        }
        Ok(found.person(ExternalIdentity { issuer: self.settings.issuer.clone(), subject }))
    }

    /// Checks the ID token (`OpenID` Connect Core section 3.1.3.7); returns the subject.
    fn check(
        &self,
        discovered: &Discovered,
        tokens: &Tokens,
        pending: &PendingSignIn,
        at: Timestamp,
        found: &mut Found,
    ) -> Result<String, ClaimsVerificationError> {
        let no_token = || ClaimsVerificationError::Other("no ID token".to_owned());
        let token = tokens.id_token().ok_or_else(no_token)?;
        let now = DateTime::<Utc>::from_timestamp_millis(at.0).ok_or_else(no_token)?;
        let latest = DateTime::<Utc>::from_timestamp_millis(at.0 + LEEWAY_MS).ok_or_else(no_token)?;
        let client_id = ClientId::new(self.settings.client_id.clone());
        let (issuer, keys) = (discovered.metadata.issuer().clone(), discovered.metadata.jwks().clone());
        // As a public client, so that the client secret is never used as an HMAC key.
        let verifier = IdTokenVerifier::new_public_client(client_id, issuer, keys)
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now)
            .set_issue_time_verifier_fn(move |issued| {
                if issued <= latest { Ok(()) } else { Err("from the future".to_owned()) }
            });
        let nonce = Nonce::new(pending.nonce.expose_secret().to_owned());
        let claims = token.claims(&verifier, &nonce)?;
        // The library does not check `azp`.
        if claims.authorized_party().is_some_and(|party| **party != self.settings.client_id) {
            return Err(ClaimsVerificationError::InvalidAudience("azp".to_owned()));
        }
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(ClaimsVerificationError::SignatureVerification)?;
            let key = token.signing_key(&verifier).map_err(ClaimsVerificationError::SignatureVerification)?;
            let actual = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
            if actual.ok().as_ref() != Some(expected) {
                return Err(ClaimsVerificationError::Other("at_hash".to_owned()));
            }
        }
        let email = claims.email().filter(|_| claims.email_verified() == Some(true));
        found.add(email, claims.name(), claims.additional_claims(), self.settings.groups_claim.as_deref());
        Ok(claims.subject().to_string())
    }

    fn client(&self, discovered: &Discovered) -> OidcClient {
        let metadata = discovered.metadata.clone();
        let basic = metadata
            .token_endpoint_auth_methods_supported()
            .is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let secret = self.settings.client_secret.as_ref();
        let secret = secret.map(|secret| ClientSecret::new(secret.expose_secret().to_owned()));
        let client_id = ClientId::new(self.settings.client_id.clone());
        Client::from_provider_metadata(metadata, client_id, secret)
            .set_auth_type(if basic { AuthType::BasicAuth } else { AuthType::RequestBody })
            .set_redirect_uri(self.redirect.clone())
    }
}

/// Whether the token may be signed with a key that is not cached yet.
fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    matches!(
        error,
        ClaimsVerificationError::SignatureVerification(
            SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_)
        )
    )
}

/// 256 random bits in 43 characters, for `nonce` and code verifier (RFC 7636 section 4.1).
fn random() -> SecretString {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    URL_SAFE_NO_PAD.encode(bytes).into()
}
