//! What happens to whole projects and to people.

use std::collections::BTreeMap;

use super::{Access, Project, Result, Upstream, UserId, Visibility};

impl Upstream {
    /// A new private project. Returns its id.
    pub fn create_project(&mut self, path_with_namespace: &str) -> u64 {
        self.last_ids.project += 1;
        let id = self.last_ids.project;
        self.insert_project(id, path_with_namespace);
        id
    }

    /// A new private project with a given id. One that is there already is
    /// replaced.
    pub fn insert_project(&mut self, id: u64, path_with_namespace: &str) {
        let now = self.now();
        self.last_ids.project = self.last_ids.project.max(id);
        let name = path_with_namespace.rsplit('/').next().unwrap_or_default();
        let project = Project {
            id,
            name: name.to_owned(),
            path_with_namespace: path_with_namespace.to_owned(),
            former_paths: Vec::new(),
            description: None,
            default_branch: Some("main".to_owned()),
            archived: false,
            visibility: Visibility::Private,
            created_at: now,
            last_activity_at: now,
            issues_enabled: true,
            merge_requests_enabled: true,
            labels: BTreeMap::new(),
            milestones: BTreeMap::new(),
            issues: BTreeMap::new(),
            merge_requests: BTreeMap::new(),
            next_issue_iid: 1,
            next_merge_request_iid: 1,
        };
        self.projects.insert(id, project);
    }

    /// Renames or transfers a project. The old path redirects until another
    /// project takes it; no item is touched.
    pub fn rename_project(&mut self, id: u64, path_with_namespace: &str) -> Result<()> {
        let project = self.project_mut(id)?;
        let old = std::mem::replace(
            &mut project.path_with_namespace,
            path_with_namespace.to_owned(),
        );
        project.former_paths.push(old);
        project
            .former_paths
            .retain(|former| former != path_with_namespace);
        Ok(())
    }

    /// Deletes a project with everything in it.
    pub fn delete_project(&mut self, id: u64) -> Result<()> {
        self.project(id)?;
        self.projects.remove(&id);
        Ok(())
    }

    /// Sets what a user's tokens may do in one project: a membership that is
    /// lost, given back or lowered.
    pub fn set_membership(&mut self, project_id: u64, user_id: UserId, access: Access) {
        for token in self.tokens.values_mut() {
            if token.user_id == user_id {
                token.projects.insert(project_id, access);
            }
        }
    }

    /// Renames a user. No item is touched.
    pub fn rename_user(&mut self, id: UserId, username: &str) {
        let now = self.now();
        if let Some(user) = self.users.get_mut(&id) {
            username.clone_into(&mut user.username);
            user.updated_at = now;
        }
    }

    /// Deletes a user. What they wrote shows the ghost user, what they did in
    /// events shows nobody.
    pub fn delete_user(&mut self, id: UserId) {
        self.users.remove(&id);
        self.tokens.retain(|_, token| token.user_id != id);
    }
}
