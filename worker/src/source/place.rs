//! The repository as the source is to have it registered, and whether what it has means the same place.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use protocol::ids::MigrationName;
use protocol::spec::{CreateSnapshotSpec, RepositorySpec, S3Spec};
use target::snapshots::Registration;

/// The name of the registration.
#[must_use]
pub fn name(migration: &MigrationName, create: &CreateSnapshotSpec) -> String {
    create.repository_name.clone().unwrap_or_else(|| format!("migctl-{migration}"))
}

/// The registration as it is wanted.
#[must_use]
pub fn wanted(repository: &RepositorySpec, create: &CreateSnapshotSpec) -> Registration {
    let (kind, mut settings) = match repository {
        RepositorySpec::Path(path) => {
            let location = create.path_on_source.as_ref().unwrap_or(path);
            ("fs", BTreeMap::from([("location".to_owned(), location.display().to_string())]))
        }
        RepositorySpec::S3(s3) => ("s3", of_s3(s3)),
    };
    if let Some(limit) = create.rate_limit {
        settings.insert("max_snapshot_bytes_per_sec".to_owned(), format!("{}b", limit.as_u64()));
    }
    settings.extend(create.repository_settings.clone());
    Registration { kind: kind.to_owned(), settings }
}

/// `role_arn` is what managed services take. Where a version has a setting in its S3 client's configuration only, it
/// doesn't look at it here.
fn of_s3(s3: &S3Spec) -> BTreeMap<String, String> {
    let path = s3.path.as_deref().map(|path| path.trim_matches('/').to_owned()).filter(|path| !path.is_empty());
    let pairs = [
        ("bucket", Some(s3.bucket.clone())),
        ("base_path", path),
        ("region", s3.region.clone()),
        ("endpoint", s3.endpoint.clone()),
        // A server that is not Amazon's has no name per bucket.
        ("path_style_access", s3.endpoint.as_ref().map(|_| "true".to_owned())),
        ("role_arn", s3.s3_role_arn.clone()),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// Whether everything that is wanted is so already.
#[must_use]
pub fn is_as_wanted(found: &Registration, wanted: &Registration) -> bool {
    found.kind == wanted.kind && wanted.settings.iter().all(|(name, value)| found.settings.get(name) == Some(value))
}

/// Why what is registered can't be used for what is wanted: both values. `None`: it is the same place.
#[must_use]
pub fn differs(found: &Registration, wanted: &Registration) -> Option<String> {
    if found.kind != wanted.kind {
        return Some(format!("it is of type {}, the configuration's is {}", found.kind, wanted.kind));
    }
    let value = |of: &Registration, name: &str| of.settings.get(name).cloned().unwrap_or_default();
    let both = |name: &str| (value(found, name), value(wanted, name));
    let told = |what: &str, (found, wanted): (String, String)| {
        Some(format!("its {what} is {found:?}, the configuration's is {wanted:?}"))
    };
    if matches!(value(found, "readonly").as_str(), "true") {
        return Some("it is registered read-only (`readonly`)".to_owned());
    }
    match wanted.kind.as_str() {
        "fs" => {
            let (found, wanted) = both("location");
            if !is_same_directory(Path::new(&found), Path::new(&wanted)) {
                return told("location", (found, wanted));
            }
        }
        _ => {
            let trimmed = |(a, b): (String, String)| (a.trim_matches('/').to_owned(), b.trim_matches('/').to_owned());
            for name in ["bucket", "base_path"] {
                let (found, wanted) = trimmed(both(name));
                if found != wanted {
                    return told(name, (found, wanted));
                }
            }
            // Where one doesn't say, the client's configuration does, which can't be seen.
            let (found, wanted) = trimmed(both("endpoint"));
            let host = |endpoint: &str| endpoint.rsplit("://").next().unwrap_or_default().to_owned();
            if !found.is_empty() && !wanted.is_empty() && host(&found) != host(&wanted) {
                return told("endpoint", (found, wanted));
            }
        }
    }
    None
}

/// A relative location is meant from a directory of the source's `path.repo`: its end must be the same.
fn is_same_directory(found: &Path, wanted: &Path) -> bool {
    let plain = |path: &Path| path.components().filter(|part| *part != Component::CurDir).collect::<PathBuf>();
    let (found, wanted) = (plain(found), plain(wanted));
    found == wanted || (found.is_relative() && !found.as_os_str().is_empty() && wanted.ends_with(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fs(location: &str) -> Registration {
        wanted(&RepositorySpec::Path(location.into()), &CreateSnapshotSpec::default())
    }

    #[test]
    fn a_directory_is_the_same_by_its_path() {
        for same in ["/repo/a", "/repo/a/", "/repo/./a", "a", "repo/a"] {
            assert_eq!(differs(&fs(same), &fs("/repo/a")), None, "{same}");
        }
        let why = differs(&fs("/repo/b"), &fs("/repo/a")).unwrap();
        assert_eq!(why, r#"its location is "/repo/b", the configuration's is "/repo/a""#);
        let mut read_only = fs("/repo/a");
        read_only.settings.insert("readonly".to_owned(), "true".to_owned());
        assert!(differs(&read_only, &fs("/repo/a")).unwrap().contains("read-only"));
    }

    #[test]
    fn a_bucket_is_the_same_with_its_path_and_server() {
        let s3 = |bucket: &str, path: Option<&str>, endpoint: Option<&str>| {
            let spec = S3Spec {
                bucket: bucket.to_owned(),
                path: path.map(str::to_owned),
                region: None,
                endpoint: endpoint.map(str::to_owned),
                s3_role_arn: Some("arn:aws:iam::1:role/r".to_owned()),
            };
            wanted(&RepositorySpec::S3(spec), &CreateSnapshotSpec::default())
        };
        let one = s3("b", Some("/x/y/"), Some("http://s3:9000"));
        assert_eq!(one.settings["base_path"], "x/y");
        assert_eq!(one.settings["role_arn"], "arn:aws:iam::1:role/r");
        assert_eq!(one.settings["path_style_access"], "true");
        assert_eq!(differs(&s3("b", Some("x/y"), None), &one), None);
        assert_eq!(differs(&s3("b", Some("x/y"), Some("s3:9000/")), &one), None);
        for other in [s3("c", Some("x/y"), None), s3("b", None, None), s3("b", Some("x/y"), Some("t:9000")), fs("/x")] {
            assert!(differs(&other, &one).is_some(), "{other:?}");
        }
    }

    #[test]
    fn what_the_configuration_adds_comes_last() {
        let create = CreateSnapshotSpec {
            path_on_source: Some("/mnt/repo".into()),
            rate_limit: Some(bytesize::ByteSize::mib(40)),
            repository_settings: BTreeMap::from([("compress".to_owned(), "false".to_owned())]),
            ..CreateSnapshotSpec::default()
        };
        let wanted = wanted(&RepositorySpec::Path("/repo".into()), &create);
        let settings: Vec<String> = wanted.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(settings, ["compress=false", "location=/mnt/repo", "max_snapshot_bytes_per_sec=41943040b"]);
        assert!(is_as_wanted(&wanted, &wanted) && !is_as_wanted(&fs("/mnt/repo"), &wanted));
    }
}
