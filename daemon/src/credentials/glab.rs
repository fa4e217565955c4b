//! The login of `glab`, GitLab's own command line: its token is used as it is
//! and never renewed, since that would take it away from glab.

use std::path::PathBuf;

use saphyr::{LoadableYamlNode as _, Yaml};

use super::Wanted;
use super::files::read_small;
use super::surroundings::Surroundings;

/// What glab knows of a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// The token stands in this file.
    Token(String, PathBuf),
    /// The host stands in this file, and its token in the keyring, under this
    /// name.
    InKeyring(String, PathBuf),
}

/// A host that glab knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GlabHost {
    /// Its name there, with a port where it has one.
    pub(crate) name: String,
    /// Where it is, put together from what glab says of protocol, API host and
    /// folder.
    pub(crate) url: String,
    /// The name by which git reaches it, where that is another one.
    pub(crate) ssh_host: Option<String>,
    /// The authority of its certificate.
    pub(crate) ca_cert: Option<PathBuf>,
    /// Whether glab takes it where nothing else names a host.
    pub(crate) default: bool,
    /// Whether somebody has logged in there.
    pub(crate) logged_in: bool,
}

/// The hosts of the first of glab's files that can be read: those with a login
/// first, and among them the default one.
pub(super) fn hosts(env: &Surroundings) -> Vec<GlabHost> {
    let texts = files(env)
        .into_iter()
        .filter_map(|file| read_small(&file).ok());
    let mut hosts = texts
        .map(|text| hosts_in(&text))
        .find(|hosts| !hosts.is_empty())
        .unwrap_or_default();
    hosts.sort_by_key(|host| (!host.logged_in, !host.default));
    hosts
}

fn hosts_in(text: &str) -> Vec<GlabHost> {
    let text = text.replace("!!null ", "");
    let Ok(documents) = Yaml::load_from_str(&text) else {
        return Vec::new();
    };
    let Some(root) = documents.first() else {
        return Vec::new();
    };
    let default = root.as_mapping_get("host").and_then(Yaml::as_str);
    let hosts = root.as_mapping_get("hosts").and_then(Yaml::as_mapping);
    let one = |(key, host): (&Yaml<'_>, &Yaml<'_>)| {
        let name = key.as_str()?.trim();
        let text = |field: &str| {
            let value = host.as_mapping_get(field).and_then(Yaml::as_str)?.trim();
            (!value.is_empty()).then_some(value)
        };
        let protocol = text("api_protocol").unwrap_or("https");
        let place = text("api_host").unwrap_or(name);
        let folder = text("subfolder").unwrap_or_default().trim_matches('/');
        let url = format!("{protocol}://{place}/{folder}");
        (!name.is_empty()).then(|| GlabHost {
            name: name.to_ascii_lowercase(),
            url: url.trim_end_matches('/').to_owned(),
            ssh_host: text("ssh_host").map(str::to_ascii_lowercase),
            ca_cert: text("ca_cert")
                .map(PathBuf::from)
                .filter(|path| path.is_absolute()),
            default: default.is_some_and(|it| it.eq_ignore_ascii_case(name)),
            logged_in: text("token").or(text("user")).is_some(),
        })
    };
    hosts.into_iter().flatten().filter_map(one).collect()
}

/// glab's login of a host, from the first of its files that knows the host.
pub(super) fn login(wanted: &Wanted<'_>, env: &Surroundings) -> Option<Login> {
    files(env)
        .into_iter()
        .find_map(|file| in_text(&read_small(&file).ok()?, wanted, file))
}

/// Where glab looks for its config, in its order.
fn files(env: &Surroundings) -> Vec<PathBuf> {
    if let Some(folder) = env.path("GLAB_CONFIG_DIR") {
        return vec![folder.join("config.yml")];
    }
    let home = env.path("HOME");
    let config = env
        .path("XDG_CONFIG_HOME")
        .or_else(|| home.as_ref().map(|home| home.join(".config")));
    let mac = home.map(|home| home.join("Library/Application Support"));
    let mac = mac.filter(|_| cfg!(target_os = "macos"));
    let system = env
        .text("XDG_CONFIG_DIRS")
        .unwrap_or_else(|| "/etc/xdg".to_owned());
    config
        .into_iter()
        .chain(mac)
        .chain(std::env::split_paths(&system))
        .map(|folder| folder.join("glab-cli/config.yml"))
        .collect()
}

fn in_text(text: &str, wanted: &Wanted<'_>, file: PathBuf) -> Option<Login> {
    // glab writes `token: !!null glpat-…`, whose tag contradicts its value.
    let text = text.replace("!!null ", "");
    let documents = Yaml::load_from_str(&text).ok()?;
    let hosts = documents.first()?.as_mapping_get("hosts")?.as_mapping()?;
    let (key, host) = hosts.iter().find_map(|(key, host)| {
        let key = key.as_str()?;
        let api = host.as_mapping_get("api_host").and_then(Yaml::as_str);
        let fits = wanted.is(key) || api.is_some_and(|api| wanted.is(api));
        fits.then_some((key, host))
    })?;
    let token = host.as_mapping_get("token").and_then(Yaml::as_str);
    Some(match token.map(str::trim) {
        Some(token) if !token.is_empty() => Login::Token(token.to_owned(), file),
        _ => Login::InKeyring(key.to_owned(), file),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "git_protocol: ssh\nhost: gitlab.com\nhosts:\n    gitlab.com:\n        \
        api_protocol: https\n        token: !!null glpat-one\n    gl.corp:8443:\n        \
        token: \"\"\n        user: ada\n    ssh.corp:\n        api_host: api.corp\n        \
        token: glpat-two\n        is_oauth2: \"true\"\n";

    fn found(name: &str) -> Option<Login> {
        let url = format!("https://{name}").parse().unwrap();
        in_text(CONFIG, &Wanted { name, url: &url }, "/f".into())
    }

    #[test]
    fn a_token_goes_to_the_host_it_was_made_for_and_no_other() {
        let token = |token: &str| Some(Login::Token(token.to_owned(), "/f".into()));
        assert_eq!(found("gitlab.com"), token("glpat-one"));
        assert_eq!(found("api.corp"), token("glpat-two"));
        assert_eq!(
            found("gl.corp:8443"),
            Some(Login::InKeyring("gl.corp:8443".to_owned(), "/f".into()))
        );
        for other in ["gl.corp", "com", "evil.example"] {
            assert_eq!(found(other), None, "{other}");
        }
    }

    #[test]
    fn hosts_come_with_their_addresses_and_those_with_a_login_first() {
        let text = "host: gitlab.com\nhosts:\n    gitlab.com:\n        api_protocol: https\n        \
            token:\n    GL.corp:\n        api_host: api.corp:8443\n        api_protocol: http\n        \
            subfolder: gitlab/\n        ssh_host: git.corp\n        ca_cert: /etc/corp.pem\n        user: ada\n";
        let hosts = hosts_in(text);
        assert_eq!(hosts[0].url, "https://gitlab.com");
        assert!(hosts[0].default && !hosts[0].logged_in);
        assert_eq!(
            hosts[1],
            GlabHost {
                name: "gl.corp".to_owned(),
                url: "http://api.corp:8443/gitlab".to_owned(),
                ssh_host: Some("git.corp".to_owned()),
                ca_cert: Some("/etc/corp.pem".into()),
                default: false,
                logged_in: true,
            }
        );
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("config.yml"), text).unwrap();
        let folder = home.path().to_str().unwrap();
        let env = Surroundings::of(&[("GLAB_CONFIG_DIR", folder)]);
        let names: Vec<String> = super::hosts(&env).into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["gl.corp", "gitlab.com"]);
    }

    #[test]
    fn a_file_that_is_no_config_of_glab_has_no_login() {
        let url = "https://h".parse().unwrap();
        let wanted = Wanted {
            name: "h",
            url: &url,
        };
        for text in ["", "hosts:", "hosts: [a]", "- a", "{", "hosts: {h: 1}\n\t"] {
            let found = in_text(text, &wanted, "/f".into());
            assert!(!matches!(found, Some(Login::Token(..))), "{text}");
            let _ = hosts_in(text);
        }
    }
}
