//! Host aliases of ssh (`ssh_config(5)`): `git@work:group/project.git`, where
//! `work` is a `Host` block with a `HostName`.

/// Which host an alias means. Blocks with `Match` or patterns are left out:
/// they say how to connect, rarely to whom.
#[derive(Debug, Default)]
pub(super) struct HostNames {
    names: Vec<(String, String)>,
}

impl HostNames {
    /// Reads an ssh config.
    pub(super) fn parse(text: &str) -> Self {
        let mut names: Vec<(String, String)> = Vec::new();
        let mut block: Vec<&str> = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            let Some((keyword, rest)) = line.split_once(|c: char| c.is_whitespace() || c == '=')
            else {
                continue;
            };
            let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
            let words = rest.split_whitespace().map(|word| word.trim_matches('"'));
            match keyword.to_ascii_lowercase().as_str() {
                "host" => block = words.filter(|w| !w.contains(['*', '?', '!'])).collect(),
                "match" => block.clear(),
                "hostname" => {
                    for alias in &block {
                        // The first value found is the one that counts.
                        if let Some(name) = words.clone().next()
                            && !names.iter().any(|(known, _)| known == alias)
                        {
                            names.push(((*alias).to_owned(), name.replace("%h", alias)));
                        }
                    }
                }
                _ => {}
            }
        }
        Self { names }
    }

    /// `url` with its host's real name, where it goes over ssh and its host is
    /// an alias.
    pub(super) fn resolve(&self, url: &str) -> String {
        let (before, host, after) = match url.split_once("://") {
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => {
                let start = url.len() - rest.len();
                let authority = rest.find('/').unwrap_or(rest.len());
                let user = rest[..authority].rfind('@').map_or(0, |at| at + 1);
                let host = rest[user..authority]
                    .find(':')
                    .map_or(authority, |at| user + at);
                (&url[..start + user], &rest[user..host], &rest[host..])
            }
            Some(_) => return url.to_owned(),
            // The short form: a colon before any slash.
            None => match url.split_once(':') {
                Some((place, _)) if !place.contains('/') => {
                    let user = place.rfind('@').map_or(0, |at| at + 1);
                    (&url[..user], &place[user..], &url[place.len()..])
                }
                _ => return url.to_owned(),
            },
        };
        match self.names.iter().find(|(alias, _)| alias == host) {
            Some((_, name)) => format!("{before}{name}{after}"),
            None => url.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_resolved_in_every_form_of_an_ssh_url_and_in_no_other() {
        let hosts = HostNames::parse(
            "# comment\nHost *\n  HostName nowhere\nHost work \"home\"\n\tHostName=gitlab.example\n\
             Host work\n  HostName second.example\nMatch all\n  HostName never\nHost dev\n HostName %h.corp\n",
        );
        for (given, meant) in [
            ("git@work:g/p.git", "git@gitlab.example:g/p.git"),
            ("work:g/p", "gitlab.example:g/p"),
            (
                "ssh://git@home:2222/g/p",
                "ssh://git@gitlab.example:2222/g/p",
            ),
            ("ssh://dev/g/p", "ssh://dev.corp/g/p"),
            ("https://work/g/p", "https://work/g/p"),
            ("git@other:g/p", "git@other:g/p"),
            ("./work:x", "./work:x"),
        ] {
            assert_eq!(hosts.resolve(given), meant);
        }
    }
}
