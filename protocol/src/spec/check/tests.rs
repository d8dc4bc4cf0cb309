//! Each rule is broken alone; `migctl` shows the messages.

use serde_json::{Value, json};

use super::*;

/// A specification that breaks no rule.
fn valid() -> Value {
    json!({
        "name": "a",
        "source": {"endpoint": "https://old"},
        "target": {"endpoint": "https://new"},
        "snapshot": {"repository": {"s3": {"bucket": "backups"}}, "create": {}}
    })
}

/// The fields of the rules that are broken once `value` stands at each of the pointers.
fn broken(changes: &[(&str, Value)]) -> Vec<String> {
    let mut spec = valid();
    for (pointer, value) in changes {
        let (section, field) = pointer.rsplit_once('/').unwrap();
        spec.pointer_mut(section).unwrap()[field] = value.clone();
    }
    let spec: Spec = serde_json::from_value(spec).unwrap();
    spec.problems().into_iter().map(|problem| problem.field).collect()
}

#[test]
fn every_rule_names_the_field_to_mend() {
    let (secret, role) = (json!({"env": "A"}), json!("arn:aws-cn:iam::123456789012:role/path/x"));
    assert_eq!(broken(&[("/snapshot/repository/s3/s3RoleArn", role.clone())]), [""; 0]);
    for (changes, field) in [
        (&[("/snapshot/create", Value::Null)][..], "snapshot"),
        (&[("/snapshot/externallyManagedSnapshot", json!("s"))], "snapshot.externallyManagedSnapshot"),
        (&[("/source", Value::Null)], "snapshot.create"),
        (&[("/source/endpoint", json!("file:in"))], "source.endpoint"),
        (&[("/target/endpoint", json!("file:out")), ("/onConflict", json!("newer"))], "onConflict"),
        (&[("/target/endpoint", json!("file:out")), ("/target/version", json!("opensearch 2.19"))], "target.version"),
        (&[("/target/endpoint", json!("HTTP://new")), ("/target/tls", json!({"insecure": true}))], "target.tls"),
        (&[("/target/tls", json!({"insecure": true, "caFile": "a"}))], "target.tls.insecure"),
        (&[("/target/tls", json!({"clientKey": secret}))], "target.tls.clientKey"),
        (&[("/target/auth", json!({"basic": {"username": "a:b", "password": secret}}))], "target.auth.basic.username"),
        (
            &[("/target/endpoint", json!("http://new")), ("/target/auth", json!({"sigv4": {"region": "x"}}))],
            "target.auth.sigv4",
        ),
        (&[("/snapshot/repository/s3/bucket", json!("10.0.0.1"))], "snapshot.repository.s3.bucket"),
        (&[("/snapshot/repository/s3/path", json!("/a"))], "snapshot.repository.s3.path"),
        (&[("/snapshot/repository/s3/s3RoleArn", json!("x"))], "snapshot.repository.s3.s3RoleArn"),
        (&[("/snapshot/create", json!({"name": "a", "prefix": "b"}))], "snapshot.create.prefix"),
        (&[("/snapshot/create", json!({"name": "-a"}))], "snapshot.create.name"),
        (&[("/snapshot/create", json!({"repositoryName": "a,b"}))], "snapshot.create.repositoryName"),
        (&[("/snapshot/create", json!({"pathOnSource": "/a"}))], "snapshot.create.pathOnSource"),
        (
            &[("/snapshot/create", json!({"repositorySettings": {"client.secret_key": "x"}}))],
            "snapshot.create.repositorySettings.client.secret_key",
        ),
        (&[("/sizing", json!({"memory": "1MiB"}))], "sizing.memory"),
    ] {
        assert_eq!(broken(changes), [field], "{changes:?}");
    }
    let external = [
        ("/snapshot/create", Value::Null),
        ("/snapshot/externallyManagedSnapshot", json!("s")),
        ("/snapshot/repository/s3/s3RoleArn", role),
        ("/cleanup", json!({"deleteSnapshot": true, "unregisterRepository": true})),
    ];
    let fields = ["snapshot.repository.s3.s3RoleArn", "cleanup.deleteSnapshot", "cleanup.unregisterRepository"];
    assert_eq!(broken(&external), fields);
}

#[test]
fn signed_requests_may_go_to_a_proxy_on_this_machine() {
    for (endpoint, allowed) in [
        ("http://localhost:9200", true),
        ("http://127.0.0.9", true),
        ("http://[::1]:9200/x", true),
        ("http://localhost.example.com", false),
        ("http://10.0.0.1", false),
        ("https://example.com", true),
    ] {
        let auth = json!({"sigv4": {"region": "eu-central-1"}});
        let found = broken(&[("/target/endpoint", json!(endpoint)), ("/target/auth", auth)]);
        assert_eq!(found.is_empty(), allowed, "{endpoint}: {found:?}");
    }
}
