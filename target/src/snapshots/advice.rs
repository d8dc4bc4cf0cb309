//! What a person can do about a refusal that has to do with repositories and snapshots.
//!
//! In: the status and everything the server said. Out: advice, or `None` where the table knows none.
//! After: answers of Elasticsearch 1.7 to 8.19 and OpenSearch 1.3 to 3.8, and the texts of `FsRepository`,
//! `BlobStoreRepository`, `VerifyNodeRepositoryAction` and `SnapshotsService`.

use crate::answer::Fault;

/// A part of what the server said, and what to do. The first that fits decides.
const RULES: &[(&str, &str)] = &[
    (
        "because this setting is empty",
        "set path.repo in the configuration of every node of the source to a directory that holds the repository, and \
         restart them",
    ),
    (
        "specified by path.repo",
        "put the repository below a directory of the source's path.repo, or add its directory to path.repo on every \
         node and restart them; snapshot.create.pathOnSource is the directory as the source sees it",
    ),
    (
        "iam:PassRole",
        "let the user or role that signs our requests to the source pass the role of snapshot.repository.s3.s3RoleArn \
         on (iam:PassRole)",
    ),
    (
        "AssumeRole",
        "let the source assume the role of snapshot.repository.s3.s3RoleArn: its trust policy must name the source's \
         service or role",
    ),
    ("NoSuchBucket", "check snapshot.repository.s3.bucket, and its region: the source finds no such bucket"),
    ("bucket does not exist", "check snapshot.repository.s3.bucket, and its region: the source finds no such bucket"),
    ("PermanentRedirect", REGION),
    ("AuthorizationHeaderMalformed", REGION),
    ("Access Denied", DENIED),
    ("AccessDenied", DENIED),
    ("InvalidAccessKeyId", CREDENTIALS),
    ("SignatureDoesNotMatch", CREDENTIALS),
    ("Access Key Id you provided does not exist", CREDENTIALS),
    ("request signature we calculated does not match", CREDENTIALS),
    // The later SDK of Amazon tells no code, and not every server has a message.
    ("Service: S3, Status Code: 403", CREDENTIALS),
    ("Service: S3, Status Code: 301", REGION),
    ("Unable to load credentials", CREDENTIALS),
    ("Unable to load AWS credentials", CREDENTIALS),
    ("is not authorized to perform: s3:", DENIED),
    ("repository type [s3] does not exist", NO_PLUGIN),
    ("Unknown [repository] type [s3]", NO_PLUGIN),
    ("failed to load class with value [s3]", NO_PLUGIN),
    ("readonly repository", "the repository is registered read-only on the source: register it for writing"),
    ("concurrent modification", TWO_WRITERS),
    ("do not match its expected state", TWO_WRITERS),
    (
        "is not accessible on",
        "every node of the source must see the repository's directory under the same path and may write to it: mount it \
         on all of them, and give it to the user that the server runs as",
    ),
    (
        "is not shared between",
        "the repository's directory must be the same shared one on every node of the source: mount it on all of them",
    ),
    (
        "failed to create blob container",
        "the user that the source runs as may not write to the repository's directory: give it the directory",
    ),
    (
        "cannot create blob store",
        "the user that the source runs as may not write to the repository's directory: give it the directory",
    ),
    (
        "AccessDeniedException",
        "the user that the source runs as may not write to the repository's directory: give it the directory",
    ),
    (
        "access_denied_exception",
        "the user that the source runs as may not write to the repository's directory: give it the directory",
    ),
    (
        "don't have primary shards",
        "bring these indices back to yellow or green, leave them out (snapshot.create.indices), or take what is there \
         with `snapshot.allowPartial: true`",
    ),
    (
        "includes system indices",
        "leave the system indices that it names out of snapshot.create.indices: this version has them in feature states \
         only",
    ),
];

const DENIED: &str = "the source may not write to the bucket: check the policy of the role in \
                      snapshot.repository.s3.s3RoleArn, or of the source's own S3 credentials (s3:ListBucket on the \
                      bucket; s3:GetObject, s3:PutObject and s3:DeleteObject on what is in it)";
const CREDENTIALS: &str = "check the credentials of the source's S3 client (its keystore, or the role of its machines), \
                           or name a role that it can assume in snapshot.repository.s3.s3RoleArn";
const TWO_WRITERS: &str = "another cluster, or another registration of the same place, writes to this repository: only one may; use a \
     repository of this migration's own";
const REGION: &str = "the bucket is in another region: check snapshot.repository.s3.region, and the region and \
                      endpoint of the source's S3 client";
const NO_PLUGIN: &str = "install the plugin repository-s3 (cloud-aws before Elasticsearch 5) on every node of the \
                         source and restart them";
const NAME: &str =
    "choose another snapshot.create.name or snapshot.create.prefix: lower-case letters, digits, - _ and .";

pub(super) fn of(status: u16, fault: &Fault) -> Option<&'static str> {
    // Whatever else is said: it does not know who we are.
    if status == 401 {
        return None;
    }
    if super::is(fault, "invalid_snapshot_name_exception") {
        return Some(NAME);
    }
    RULES.iter().find(|(says, _)| fault.reason.contains(says) || fault.kind.contains(says)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_leads_to_what_to_do() {
        for (kind, reason, expected) in [
            (
                "repository_exception",
                "[r] failed to create repository; caused by repository_exception: [r] location [/x] doesn't match any \
                 of the locations specified by path.repo because this setting is empty",
                "set path.repo",
            ),
            (
                "repository_exception",
                "[r] location [/x] doesn't match any of the locations specified by path.repo",
                "below a directory of the source's path.repo",
            ),
            (
                "",
                "RepositoryVerificationException[[r] path  is not accessible on master node]; nested: \
                 AmazonS3Exception[Access Denied (Service: Amazon S3; Status Code: 403)]",
                "s3RoleArn",
            ),
            (
                "repository_verification_exception",
                "[r] path  is not accessible on cluster-manager node; caused by s3_exception: The AWS Access Key Id \
                 you provided does not exist in our records. (Service: S3, Status Code: 403, Request ID: null)",
                "check the credentials of the source's S3 client",
            ),
            ("repository_exception", "[r] repository type [s3] does not exist", "install the plugin"),
            ("invalid_snapshot_name_exception", "[r:S] must be lowercase", "snapshot.create.name"),
            ("snapshot_exception", "[r:s] Indices don't have primary shards [a]", "allowPartial"),
        ] {
            let advice = of(500, &Fault { kind: kind.into(), reason: reason.into() });
            assert!(advice.is_some_and(|advice| advice.contains(expected)), "{reason}: {advice:?}");
        }
        assert_eq!(of(500, &Fault { kind: "null_pointer_exception".into(), reason: String::new() }), None);
    }
}
