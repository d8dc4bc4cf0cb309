//! Repositories in S3 that a worker may not read, or does not find.

use tests::s3::{ACCESS_KEY, Fault, S3Server, SECRET_KEY, environment};

use crate::{OUT, config, fails, quickstart, shows};

pub const ROWS: &[&str] = &[NO_CREDENTIALS, UNKNOWN_KEY, WRONG_SECRET, EXPIRED, DENIED, NO_BUCKET, ELSEWHERE];

const NO_CREDENTIALS: &str = "no AWS credentials were found";
const UNKNOWN_KEY: &str = "S3 says InvalidAccessKeyId";
const WRONG_SECRET: &str = "S3 says SignatureDoesNotMatch";
const EXPIRED: &str = "S3 says ExpiredToken";
const DENIED: &str = "S3 says AccessDenied";
const NO_BUCKET: &str = "S3 says NoSuchBucket";
const ELSEWHERE: &str = "S3 says PermanentRedirect";

fn reading(server: &S3Server, bucket: &str) -> String {
    let place = format!("bucket: {bucket}, path: prod, endpoint: '{}'", server.url());
    config(&format!("repository: {{s3: {{{place}}}}}, externallyManagedSnapshot: snap-1"), OUT, "")
}

#[test]
fn a_worker_that_is_not_let_in() {
    let server = S3Server::start().unwrap();
    server.upload("backups", "prod", &quickstart().join("repository")).unwrap();
    let config = reading(&server, "backups");
    shows(&fails(&config, &[]), NO_CREDENTIALS);
    shows(&fails(&config, &environment("AKIASOMEBODY", SECRET_KEY)), UNKNOWN_KEY);
    shows(&fails(&config, &environment(ACCESS_KEY, "wrong")), WRONG_SECRET);
    shows(&fails(&reading(&server, "backup"), &server.environment()), NO_BUCKET);
}

#[test]
fn what_amazon_says() {
    // One server each: whatever else is asked of it is refused in the same way.
    for (status, code, row) in
        [(400, "ExpiredToken", EXPIRED), (403, "AccessDenied", DENIED), (301, "PermanentRedirect", ELSEWHERE)]
    {
        let server = S3Server::start().unwrap();
        server.upload("backups", "prod", &quickstart().join("repository")).unwrap();
        server.fail_next(std::iter::repeat_n(Fault::Says(status, code), 1_000));
        shows(&fails(&reading(&server, "backups"), &server.environment()), row);
    }
}
