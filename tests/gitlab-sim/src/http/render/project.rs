//! Projects, users and tokens.

use serde_json::{Value, json};

use super::Render;
use crate::upstream::{Access, Project, Token};

impl Render<'_> {
    pub(crate) fn project(&self, project: &Project) -> Value {
        let path = project.path();
        let namespace = project.namespace();
        let namespace_path = namespace.rsplit('/').next().unwrap_or(namespace);
        let level = match self.viewer.access(project) {
            Access::Member => Some(20),
            Access::Guest => Some(10),
            Access::None => None,
        };
        let mut value = json!({
            "id": project.id,
            "description": project.description,
            "name": project.name,
            "name_with_namespace": format!("{} / {}", namespace.replace('/', " / "), project.name),
            "path": path,
            "path_with_namespace": project.path_with_namespace,
            "created_at": self.time(project.created_at),
            "updated_at": self.time(project.last_activity_at),
            "last_activity_at": self.time(project.last_activity_at),
            "default_branch": project.default_branch,
            "archived": project.archived,
            "visibility": project.visibility.as_str(),
            "issues_enabled": project.issues_enabled,
            "merge_requests_enabled": project.merge_requests_enabled,
            "issues_access_level": access_level(project.issues_enabled),
            "merge_requests_access_level": access_level(project.merge_requests_enabled),
            "empty_repo": project.default_branch.is_none(),
            "marked_for_deletion_on": null,
            "star_count": 0,
            "forks_count": 0,
            "topics": [],
            "web_url": self.project_url(project),
            "readme_url": null,
            "http_url_to_repo": format!("{}.git", self.project_url(project)),
            "namespace": {
                "id": 7,
                "name": namespace_path,
                "path": namespace_path,
                "kind": "group",
                "full_path": namespace,
                "parent_id": null,
                "web_url": format!("{}/groups/{namespace}", self.base),
            },
            "_links": { "self": self.api_url(project) },
        });
        if self.viewer.token().is_some() {
            let access =
                level.map(|level| json!({ "access_level": level, "notification_level": 3 }));
            super::set(
                &mut value,
                "permissions",
                json!({ "project_access": access, "group_access": null }),
            );
        }
        self.finish(value)
    }

    /// A project in a list with `simple=true`: what identifies it.
    pub(crate) fn simple_project(&self, project: &Project) -> Value {
        const SIMPLE: [&str; 17] = [
            "id",
            "description",
            "name",
            "name_with_namespace",
            "path",
            "path_with_namespace",
            "created_at",
            "default_branch",
            "topics",
            "http_url_to_repo",
            "web_url",
            "readme_url",
            "forks_count",
            "star_count",
            "last_activity_at",
            "visibility",
            "namespace",
        ];
        let mut value = self.project(project);
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|name, _| SIMPLE.contains(&name.as_str()));
        }
        value
    }

    /// The token itself, without its secret.
    pub(crate) fn token(&self, token: &Token) -> Value {
        self.finish(json!({
            "id": token.id,
            "name": token.name,
            "active": true,
            "revoked": token.revoked,
            "expired": false,
            "granular": token.scopes.iter().any(|scope| scope == "granular"),
            "created_at": self.time(token.created_at),
            "description": null,
            "scopes": token.scopes,
            "user_id": token.user_id,
            "last_used_at": self.time(self.now),
            "expires_at": token.expires_at,
        }))
    }
}

fn access_level(enabled: bool) -> &'static str {
    if enabled { "enabled" } else { "disabled" }
}
