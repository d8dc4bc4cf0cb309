//! Address, authentication and certificates of a cluster belong together.

use super::Problems;
use crate::spec::{AuthSpec, ClusterSpec, TlsSpec};

/// Whether the target is a directory.
pub fn is_directory(endpoint: &str) -> bool {
    endpoint.starts_with("file:")
}

fn is_http(endpoint: &str) -> bool {
    endpoint.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

/// Whether the requests don't leave the machine.
fn is_loopback(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|host| host.is_loopback())
}

/// What holds for source and target; `at` is which.
pub fn check(cluster: &ClusterSpec, at: &str, problems: &mut Problems) {
    let endpoint = format!("{at}.endpoint");
    if let Some(auth) = &cluster.auth {
        authentication(auth, &cluster.endpoint, at, problems);
    }
    certificates(&cluster.tls, at, problems);
    if is_http(&cluster.endpoint) && cluster.tls != TlsSpec::default() {
        problems.add(
            &format!("{at}.tls"),
            &[&endpoint],
            "there are no certificates where nothing is encrypted: the endpoint begins with http://",
            format!("write https:// in `{endpoint}`, or leave `{at}.tls` out"),
        );
    }
}

fn authentication(auth: &AuthSpec, endpoint: &str, at: &str, problems: &mut Problems) {
    match auth {
        AuthSpec::Basic { username, .. } if username.is_empty() || username.contains(':') => {
            let what = if username.is_empty() { "the user is empty" } else { "a user's name can't hold ':'" };
            let advice = "basic authentication sends USER:PASSWORD, which is cut at the first ':'";
            problems.add(&format!("{at}.auth.basic.username"), &[], what, advice);
        }
        AuthSpec::Sigv4 { region, .. } => {
            let (at, place) = (format!("{at}.auth.sigv4"), format!("{at}.endpoint"));
            if region.trim().is_empty() {
                problems.add(&format!("{at}.region"), &[], "the region is empty", "`eu-central-1` is one");
            }
            if is_http(endpoint) && !is_loopback(endpoint) {
                problems.add(
                    &at,
                    &[&place],
                    "signed requests go over https:// only",
                    format!("write https:// in `{place}`; http:// is for proxies on this machine (localhost)"),
                );
            }
        }
        AuthSpec::Basic { .. } | AuthSpec::Bearer { .. } | AuthSpec::ApiKey { .. } => {}
    }
}

fn certificates(tls: &TlsSpec, at: &str, problems: &mut Problems) {
    let [certificate, key] = ["clientCertificate", "clientKey"].map(|field| format!("{at}.tls.{field}"));
    let lacks = match (&tls.client_certificate, &tls.client_key) {
        (Some(_), None) => Some((&certificate, &key)),
        (None, Some(_)) => Some((&key, &certificate)),
        _ => None,
    };
    if let Some((there, missing)) = lacks {
        let advice = format!("add `{missing}`, or leave both out");
        problems.add(there, &[missing], "a client certificate and its key go together", advice);
    }
    if tls.insecure && tls.ca_file.is_some() {
        problems.add(
            &format!("{at}.tls.insecure"),
            &[&format!("{at}.tls.caFile")],
            "with `insecure` any certificate is believed, so `caFile` means nothing",
            "leave `insecure` out: `caFile` is the safe way",
        );
    }
}

/// A snapshot is taken of a cluster, not of a directory.
pub fn is_a_cluster(source: &ClusterSpec, problems: &mut Problems) {
    if is_directory(&source.endpoint) {
        problems.add(
            "source.endpoint",
            &[],
            "a source is a cluster, not a directory",
            "write http://… or https://…; to read a repository alone, leave `source` out and name the snapshot in \
             `snapshot.externallyManagedSnapshot`",
        );
    }
}

/// Nobody is asked who we are where files are written.
pub fn directory(target: &ClusterSpec, problems: &mut Problems) {
    if !is_directory(&target.endpoint) {
        return;
    }
    for (there, field) in [
        (target.auth.is_some(), "target.auth"),
        (target.tls != TlsSpec::default(), "target.tls"),
        (target.version.is_some(), "target.version"),
    ] {
        if there {
            let advice = format!("leave `{field}` out, or name a cluster in `target.endpoint`");
            problems.add(field, &["target.endpoint"], "this means nothing for a directory", advice);
        }
    }
}
