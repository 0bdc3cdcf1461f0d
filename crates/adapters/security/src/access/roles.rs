//! Compact encoding of grants in an access token.
//!
//! - A built-in role without scopes is a string: `admin@shop` in a project, `platform-admin` everywhere.
//! - Any other grant is an object, which omits the permissions of a built-in role.

use domain::limits::GRANTS_MAX;
use domain::{BuiltInRole, EnvironmentName, Grant, Permission, ProjectName, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// An encoded grant.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Role {
    /// A built-in role without scopes: `role@project`, or `role` for the platform and every project.
    Short(String),
    /// Any other grant.
    Long(Long),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Long {
    role: RoleName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<ProjectName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    environments: Option<BTreeSet<EnvironmentName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_prefixes: Option<BTreeSet<String>>,
    /// `None`: the permissions of the built-in role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permissions: Option<BTreeSet<Permission>>,
}

pub(super) fn write_roles(grants: &[Grant]) -> Vec<Role> {
    grants.iter().map(write_role).collect()
}

fn write_role(grant: &Grant) -> Role {
    let built_in = built_in(&grant.role).is_some_and(|permissions| permissions == grant.permissions);
    if built_in && grant.environments.is_none() && grant.key_prefixes.is_none() {
        return Role::Short(match &grant.project {
            Some(project) => format!("{}@{project}", grant.role),
            None => grant.role.to_string(),
        });
    }
    Role::Long(Long {
        role: grant.role.clone(),
        project: grant.project.clone(),
        environments: grant.environments.clone(),
        key_prefixes: grant.key_prefixes.clone(),
        permissions: (!built_in).then(|| grant.permissions.clone()),
    })
}

/// Decodes grants; `None` if one is incomplete or there are more than [`GRANTS_MAX`].
pub(super) fn read_roles(roles: Vec<Role>) -> Option<Vec<Grant>> {
    if roles.len() > GRANTS_MAX {
        return None;
    }
    roles.into_iter().map(read_role).collect()
}

fn read_role(role: Role) -> Option<Grant> {
    let long = match role {
        Role::Long(long) => long,
        Role::Short(text) => {
            let (role, project) = match text.split_once('@') {
                Some((role, project)) => (role, Some(ProjectName::parse(project).ok()?)),
                None => (text.as_str(), None),
            };
            let role = RoleName::parse(role).ok()?;
            Long { role, project, environments: None, key_prefixes: None, permissions: None }
        }
    };
    Some(Grant {
        permissions: long.permissions.or_else(|| built_in(&long.role))?,
        role: long.role,
        project: long.project,
        environments: long.environments,
        key_prefixes: long.key_prefixes,
    })
}

fn built_in(role: &RoleName) -> Option<BTreeSet<Permission>> {
    BuiltInRole::parse(role.as_str()).map(BuiltInRole::permissions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::option::of;
    use proptest::prelude::*;
    use proptest::sample::select;

    fn grant() -> impl Strategy<Value = Grant> {
        let roles = select(vec!["viewer", "editor", "admin", "platform-admin", "auditor", "release-4"]);
        let permissions = prop_oneof![
            Just(None),
            btree_set(select(Permission::ALL), 0..Permission::ALL.len()).prop_map(Some)
        ];
        let project = of("[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?");
        let environments = of(btree_set("[a-z0-9]{1,4}", 0..3));
        let key_prefixes = of(btree_set(".{0,6}", 0..3));
        (roles, permissions, project, environments, key_prefixes).prop_map(
            |(role, permissions, project, environments, key_prefixes)| {
                let role = RoleName::parse(role).expect("a role");
                let environment = |name: String| EnvironmentName::parse(&name).expect("an environment");
                Grant {
                    permissions: permissions.or_else(|| built_in(&role)).unwrap_or_default(),
                    role,
                    project: project.map(|name| ProjectName::parse(&name).expect("a project")),
                    environments: environments.map(|names| names.into_iter().map(environment).collect()),
                    key_prefixes,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_exactly(grants in vec(grant(), 0..8)) {
            let text = serde_json::to_string(&write_roles(&grants)).expect("JSON");
            let roles = serde_json::from_str(&text).expect("roles");
            prop_assert_eq!(read_roles(roles), Some(grants), "{}", text);
        }
    }

    fn check(text: &str, expected: Option<usize>) {
        let roles: Option<Vec<Role>> = serde_json::from_str(text).ok();
        assert_eq!(roles.and_then(read_roles).map(|grants| grants.len()), expected, "{text}");
    }

    #[test]
    fn built_in_roles_are_short() {
        let role = RoleName::parse("admin").expect("a role");
        let permissions = built_in(&role).expect("built in");
        let project = ProjectName::parse("shop").ok();
        let grant = Grant { role, permissions, project, environments: None, key_prefixes: None };
        let text = serde_json::to_string(&write_roles(&[grant])).expect("JSON");
        assert_eq!(text, r#"["admin@shop"]"#);
    }

    #[test]
    fn what_says_too_little_or_too_much_is_refused() {
        check(r#"["admin@shop","platform-admin"]"#, Some(2));
        check(r#"["auditor@shop"]"#, None);
        check(r#"["admin@"]"#, None);
        check(r#"["@shop"]"#, None);
        check(r#"["admin@shop@shop"]"#, None);
        check(r#"[{"role":"auditor","permissions":["config:document:read"]}]"#, Some(1));
        check(r#"[{"role":"auditor"}]"#, None);
        check(r#"[{"role":"auditor","permissions":["config:document:everything"]}]"#, None);
        check(r#"[{"role":"admin","scope":"x"}]"#, None);
        check(&format!("[{}]", vec![r#""viewer@a""#; GRANTS_MAX].join(",")), Some(GRANTS_MAX));
        check(&format!("[{}]", vec![r#""viewer@a""#; GRANTS_MAX + 1].join(",")), None);
    }
}
