//! Validation of the identity settings: database, secrets, sign-in.

use super::validate::Faults;
use super::{Identity, Provider, Settings};
use adapter_oidc::{OidcSettings, ProviderSettings};
use adapter_security::{SecretSource, SecretSources, Secrets};
use application::identity::{IdentityRules, RegistrationMode};
use domain::{Digest, GroupName};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

const BCRYPT_COST: RangeInclusive<u64> = 10..=16;
const SESSION_IDLE_MINUTES: RangeInclusive<u64> = 5..=1440;
const SESSION_MAX_HOURS: RangeInclusive<u64> = 1..=720;
const SESSIONS_MAX: RangeInclusive<u64> = 1..=100;
const AUDIT_KEPT_DAYS: RangeInclusive<u64> = 1..=3650;
/// Environment variables with secrets: signing key, pepper, cluster key.
const SECRET_VARIABLES: [&str; 3] = ["GUARDIAN_SIGNING_KEY", "GUARDIAN_PEPPER", "GUARDIAN_CLUSTER_KEY"];

/// Settings of a node with an identity database.
#[derive(Clone, Debug)]
pub struct IdentitySettings {
    /// The database.
    pub database: adapter_sql::Settings,
    /// Whether the node migrates the database schema when it starts.
    pub migrate: bool,
    /// The secrets of the cluster.
    pub secrets: Secrets,
    /// The issuer of access tokens.
    pub issuer: String,
    /// The cost of bcrypt.
    pub bcrypt_cost: u32,
    /// Rules of sessions, registration and audit.
    pub rules: IdentityRules,
    /// The identity providers.
    pub providers: OidcSettings,
}

/// Validates the identity settings; `None` without a database, which disables sign-in.
pub(super) fn identity(
    faults: &mut Faults,
    settings: &Settings,
    folder: &Path,
    environment: &BTreeMap<String, String>,
) -> Option<IdentitySettings> {
    let own = &settings.identity;
    if own.database.is_empty() && own.database_file.is_empty() {
        return None;
    }
    let database = database(faults, own, folder).map(adapter_sql::Settings::new);
    if let Some(Err(fault)) = database.as_ref().map(adapter_sql::Settings::check) {
        faults.add("identity.database", fault.to_string());
    }
    if database.as_ref().is_some_and(adapter_sql::Settings::is_file) && !on_one_machine(settings) {
        faults.add(
            "identity.database",
            "is a file, but the members are on several machines: they need one PostgreSQL database",
        );
    }
    let secrets = secrets(faults, own, folder, environment);
    let rules = rules(faults, own);
    let cost = faults.within("identity.bcrypt_cost", own.bcrypt_cost, &BCRYPT_COST);
    let providers = own.providers.iter().enumerate();
    let providers =
        providers.filter_map(|(at, provider)| one_provider(faults, at, provider, folder)).collect();
    let providers = OidcSettings { providers, loopback_http: true, extra_roots: Vec::new() };
    if let Err(fault) = providers.check() {
        faults.add("identity.providers", fault.to_string());
    }
    let issuer =
        if own.issuer.is_empty() { format!("guardian:{}", settings.cluster.id) } else { own.issuer.clone() };
    Some(IdentitySettings {
        database: database?,
        migrate: own.migrate,
        secrets: secrets?,
        issuer,
        bcrypt_cost: u32::try_from(cost).unwrap_or(u32::MAX),
        rules,
        providers,
    })
}

/// The database URL. A relative path in it is relative to the settings' folder.
fn database(faults: &mut Faults, own: &Identity, folder: &Path) -> Option<SecretString> {
    let (key, text) = match (own.database.is_empty(), own.database_file.is_empty()) {
        (false, false) => {
            faults.add("identity.database", "must not be there beside identity.database_file");
            return None;
        }
        (true, _) => {
            ("identity.database_file", secret(faults, "identity.database_file", &own.database_file, folder)?)
        }
        (false, true) => ("identity.database", SecretString::from(own.database.clone())),
    };
    if let Some(path) = text.expose_secret().strip_prefix("sqlite:") {
        return Some(format!("sqlite:{}", folder.join(path).display()).into());
    }
    match Url::parse(text.expose_secret()) {
        Ok(url) if !matches!(url.scheme(), "postgres" | "postgresql") => {
            faults.add(key, "must begin with postgres:// or sqlite:");
            None
        }
        Ok(url) if url.password().is_some() && key == "identity.database" => {
            faults.add(
                key,
                "holds a password: put the address into a file and name it as identity.database_file",
            );
            None
        }
        Ok(_) => Some(text),
        Err(_) => {
            faults.add(key, "must be the address of a database, such as postgres://user@host/guardian?sslmode=verify-full or sqlite:people.db");
            None
        }
    }
}

/// Whether all members are on this machine, where they can share a file.
fn on_one_machine(settings: &Settings) -> bool {
    let members = &settings.cluster.members;
    let host =
        |address: &str| address.rsplit_once(':').map_or(address.to_owned(), |(host, _)| host.to_owned());
    let here = |host: String| {
        let host = host.trim_matches(['[', ']']);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    };
    members.len() < 2 || members.iter().all(|member| here(host(&member.peer_addr)))
}

/// The secrets of the folder, followed by those of the environment as the newest.
fn secrets(
    faults: &mut Faults,
    own: &Identity,
    folder: &Path,
    environment: &BTreeMap<String, String>,
) -> Option<Secrets> {
    let folder = folder.join(&own.secrets_dir);
    let given = |name: &str| {
        let value = environment.get(name).filter(|value| !value.is_empty())?;
        Some(SecretSource::value(name, "env", value.as_str().into()))
    };
    let [signing_key, pepper, cluster_key] = SECRET_VARIABLES.map(given);
    let all_given = signing_key.is_some() && pepper.is_some() && cluster_key.is_some();
    let mut sources = match SecretSources::in_folder("identity.secrets_dir", &folder) {
        Ok(sources) => sources,
        Err(error) if all_given && error.kind() == ErrorKind::NotFound => SecretSources::default(),
        Err(error) => {
            faults.add("identity.secrets_dir", format!("{} cannot be read: {error}", folder.display()));
            return None;
        }
    };
    sources.signing_keys.extend(signing_key);
    sources.peppers.extend(pepper);
    sources.cluster_keys.extend(cluster_key);
    sources.in_use.clone_from(&own.secrets_in_use);
    Secrets::load(&sources).map_err(|fault| faults.add("identity.secrets_dir", fault.to_string())).ok()
}

/// Reads a secret from a file, without surrounding blanks.
fn secret(faults: &mut Faults, key: &str, name: &str, folder: &Path) -> Option<SecretString> {
    match SecretSource::file(key, &folder.join(name)).read() {
        Ok(text) if text.expose_secret().is_empty() => {
            faults.add(key, format!("{} is empty", folder.join(name).display()));
            None
        }
        Ok(text) => Some(text),
        Err(fault) => {
            faults.add(
                key,
                anyhow::Error::new(fault).chain().map(ToString::to_string).collect::<Vec<_>>().join(": "),
            );
            None
        }
    }
}

fn rules(faults: &mut Faults, own: &Identity) -> IdentityRules {
    let idle =
        faults.within("identity.session_idle_minutes", own.session_idle_minutes, &SESSION_IDLE_MINUTES);
    let longest = faults.within("identity.session_max_hours", own.session_max_hours, &SESSION_MAX_HOURS);
    let sessions = faults.within("identity.sessions_max", own.sessions_max, &SESSIONS_MAX);
    let kept = faults.within("identity.audit_kept_days", own.audit_kept_days, &AUDIT_KEPT_DAYS);
    let registration = match own.registration.as_str() {
        "closed" => RegistrationMode::Closed,
        "invitation" => RegistrationMode::Invitation,
        "open" => RegistrationMode::Open,
        _ => {
            faults.add("identity.registration", "must be closed, invitation or open");
            RegistrationMode::Closed
        }
    };
    let token = &own.bootstrap_token_sha256;
    let bootstrap = Digest::parse(token).filter(|digest| *digest != Digest::default());
    if bootstrap.is_none() && !token.is_empty() {
        faults.add(
            "identity.bootstrap_token_sha256",
            "must be 64 hexadecimal digits: the SHA-256 of the token",
        );
    }
    IdentityRules {
        registration,
        bootstrap,
        session_idle: Duration::from_mins(idle),
        session_max: Duration::from_hours(longest),
        sessions_max: u32::try_from(sessions).unwrap_or(u32::MAX),
        audit_kept: Duration::from_hours(kept * 24),
        ..IdentityRules::default()
    }
}

fn one_provider(faults: &mut Faults, at: usize, own: &Provider, folder: &Path) -> Option<ProviderSettings> {
    let key = |name: &str| format!("identity.providers[{at}].{name}");
    let client_secret = match own.client_secret_file.as_str() {
        "" => None,
        name => Some(secret(faults, &key("client_secret_file"), name, folder)?),
    };
    let mut groups = Vec::new();
    for pair in &own.groups {
        match pair.split_once('=').map(|(theirs, ours)| (theirs.to_owned(), GroupName::parse(ours))) {
            Some((theirs, Ok(ours))) => groups.push((theirs, ours)),
            _ => faults.add(key("groups"), "must list pairs such as their-group=our-group"),
        }
    }
    let text = |text: &String| (!text.is_empty()).then(|| text.clone());
    Some(ProviderSettings {
        name: own.name.clone(),
        issuer: own.issuer.clone(),
        client_id: own.client_id.clone(),
        client_secret,
        redirect_uri: own.redirect_uri.clone(),
        scopes: vec!["openid".to_owned(), "email".to_owned(), "profile".to_owned()],
        groups_claim: text(&own.groups_claim),
        groups,
    })
}
