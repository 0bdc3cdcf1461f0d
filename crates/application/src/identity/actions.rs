//! The actions that audit records name. A search for any other action is refused.

/// All actions, in order.
pub const AUDIT_ACTIONS: &[&str] = &[
    "api_key.create",
    "api_key.narrow",
    "api_key.revoke",
    "api_key.rotate",
    "audit.anchor",
    "audit.export",
    "audit.read",
    "auth.bootstrap",
    "auth.external",
    "auth.login",
    "auth.logout",
    "auth.refresh",
    "auth.register",
    "auth.reset",
    "auth.second_factor",
    "cluster.name",
    "config.delete",
    "config.prune",
    "config.put",
    "environment.create",
    "environment.delete",
    "environment.export",
    "factor.begin",
    "factor.confirm",
    "factor.recovery",
    "factor.remove",
    "group.add",
    "group.delete",
    "group.mirror",
    "group.put",
    "group.remove",
    "member.admit",
    "member.lead",
    "member.log",
    "member.retire",
    "member.update",
    "organisation.delete",
    "organisation.own",
    "organisation.put",
    "project.bound",
    "project.create",
    "project.delete",
    "project.export",
    "project.update",
    "request.refused",
    "role.bind",
    "role.delete",
    "role.put",
    "role.unbind",
    "schema.delete",
    "schema.hold",
    "schema.register",
    "schema.release",
    "security.suspicious",
    "session.end",
    "session.end_all",
    "user.change",
    "user.create",
    "user.deactivate",
    "user.epoch",
    "user.invite",
    "user.keys",
    "user.password",
    "user.reset_password",
    "user.uninvite",
];

/// Whether the text is an action, or a prefix of one followed by `*`.
pub fn is_audit_action(text: &str) -> bool {
    match text.strip_suffix('*') {
        Some(beginning) => AUDIT_ACTIONS.iter().any(|action| action.starts_with(beginning)),
        None => AUDIT_ACTIONS.contains(&text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// Texts in the code that look like actions but are not.
    const NO_ACTIONS: &[&str] = &[];

    fn is_like_an_action(text: &str) -> bool {
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        text.split_once('.').is_some_and(|(area, act)| is_word(area) && is_word(act))
    }

    fn collect(path: &Path, found: &mut BTreeSet<String>) {
        if path.is_dir() {
            for entry in fs::read_dir(path).expect("a folder") {
                collect(&entry.expect("an entry").path(), found);
            }
        } else if path.file_name().is_some_and(|name| name != "actions.rs") {
            let text = fs::read_to_string(path).expect("a source file");
            found.extend(text.split('"').filter(|part| is_like_an_action(part)).map(str::to_owned));
        }
    }

    #[test]
    fn every_action_of_the_code_is_known() {
        let mut found = BTreeSet::new();
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        collect(&own.join("src/identity"), &mut found);
        collect(&own.join("../domain/src/audit.rs"), &mut found);
        let known: BTreeSet<String> =
            AUDIT_ACTIONS.iter().chain(NO_ACTIONS).map(ToString::to_string).collect();
        let missing: Vec<_> = found.difference(&known).collect();
        assert!(missing.is_empty(), "add to AUDIT_ACTIONS: {missing:?}");
    }

    #[test]
    fn beginnings_count() {
        for good in ["auth.login", "auth.*", "*", "config.p*"] {
            assert!(is_audit_action(good), "{good}");
        }
        for bad in ["", "auth.logon", "auth", "login*", "auth.login*x"] {
            assert!(!is_audit_action(bad), "{bad}");
        }
    }
}
