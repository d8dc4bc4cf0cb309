//! AWS Signature Version 4, computed anew from what arrived, as Amazon describes it ("Create a signed AWS API request").
//!
//! Not here: the crate that the project signs with.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// Everything but `A-Z`, `a-z`, `0-9`, `-`, `.`, `_` and `~` is encoded.
const URI_ENCODE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How far the time of a signature may be from the server's.
const SKEW_SECONDS_MAX: u64 = 300;

/// Whose signature is let through.
#[derive(Debug, Clone)]
pub struct Expected {
    /// The region.
    pub region: String,
    /// `es` or `aoss`.
    pub service: String,
    /// The id of the key.
    pub access_key: String,
    /// The key.
    pub secret_key: String,
    /// The token that belongs to a temporary key.
    pub session_token: Option<String>,
}

/// What Amazon answers where a signature is another than it computes.
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

impl Expected {
    /// Whether the request is signed so.
    ///
    /// # Errors
    /// What Amazon answers where it isn't.
    pub fn check(&self, head: &Parts, body: &[u8]) -> Result<(), String> {
        let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let given = value("authorization").ok_or("Missing Authentication Token")?;
        let fields = given.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("Unsupported authorization type")?;
        let field = |name: &str| fields.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        let (Some(credential), Some(names), Some(signature)) =
            (field("Credential"), field("SignedHeaders"), field("Signature"))
        else {
            return Err("Authorization header requires 'Credential', 'SignedHeaders' and 'Signature'.".to_owned());
        };
        let moment = value("x-amz-date").ok_or("Authorization header requires existence of 'X-Amz-Date'.")?;
        let scope = self.scope(credential, moment)?;
        if value("x-amz-security-token") != self.session_token.as_deref() {
            return Err(match value("x-amz-security-token") {
                Some(_) => "The security token included in the request is expired".to_owned(),
                None => "The security token included in the request is invalid.".to_owned(),
            });
        }
        let hash = hex(&Sha256::digest(body));
        let content = value("x-amz-content-sha256");
        if content.is_some_and(|content| content != hash) || (self.service == "aoss" && content.is_none()) {
            return Err(format!("{MISMATCH} (x-amz-content-sha256)"));
        }
        must_be_signed(head, names)?;
        let canonical = canonical(head, names, &hash);
        let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hex(&Sha256::digest(&canonical)));
        if self.signature(moment, &to_sign) == signature {
            return Ok(());
        }
        Err(MISMATCH.to_owned())
    }

    /// Where and when the key is good: `20260102/eu-central-1/es/aws4_request`.
    fn scope<'a>(&self, credential: &'a str, moment: &str) -> Result<&'a str, String> {
        let (key, scope) = credential.split_once('/').ok_or("Invalid Credential")?;
        if key != self.access_key {
            return Err("The security token included in the request is invalid.".to_owned());
        }
        let parts: Vec<&str> = scope.split('/').collect();
        let [date, region, service, "aws4_request"] = parts.as_slice() else {
            return Err("Credential should be scoped with a valid terminator: 'aws4_request'.".to_owned());
        };
        if *region != self.region {
            return Err("Credential should be scoped to a valid region. ".to_owned());
        }
        if *service != self.service {
            return Err(format!("Credential should be scoped to correct service: '{}'. ", self.service));
        }
        let seconds =
            seconds(moment).filter(|_| moment.starts_with(date)).ok_or("Date in Credential scope does not match")?;
        if now().abs_diff(seconds) > SKEW_SECONDS_MAX {
            return Err(format!("Signature expired: {moment} is now too far from the server's time"));
        }
        Ok(scope)
    }

    fn signature(&self, moment: &str, to_sign: &str) -> String {
        let date = moment.split('T').next().unwrap_or_default();
        let first = hmac(format!("AWS4{}", self.secret_key).as_bytes(), date);
        let key = [self.region.as_str(), self.service.as_str(), "aws4_request"]
            .into_iter()
            .fold(first, |key, part| hmac(&key, part));
        hex(&hmac(&key, to_sign))
    }
}

/// The host, and every header of Amazon's.
fn must_be_signed(head: &Parts, names: &str) -> Result<(), String> {
    let signed: BTreeSet<&str> = names.split(';').collect();
    let amazon = head.headers.keys().map(|name| name.as_str()).filter(|name| name.starts_with("x-amz-"));
    match ["host"].into_iter().chain(amazon).find(|name| !signed.contains(name)) {
        Some(name) => Err(format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")),
        None => Ok(()),
    }
}

fn canonical(head: &Parts, names: &str, hash: &str) -> String {
    // The path arrives encoded once, and is encoded once more: of every service but S3.
    let path: Vec<String> = head.uri.path().split('/').map(encode).collect();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut query: Vec<(String, String)> = head
        .uri
        .query()
        .into_iter()
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (encode(&decoded(name)), encode(&decoded(value))))
        .collect();
    query.sort();
    let query: Vec<String> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    let headers: String = names.split(';').map(|name| format!("{name}:{}\n", values(head, name))).collect();
    format!("{}\n{}\n{}\n{headers}\n{names}\n{hash}", head.method, path.join("/"), query.join("&"))
}

fn values(head: &Parts, name: &str) -> String {
    let values = head.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let trimmed: Vec<String> = values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    trimmed.join(",")
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, URI_ENCODE).to_string()
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seconds since 1970 of `20260102T030405Z`.
fn seconds(moment: &str) -> Option<u64> {
    let number = |from: usize, to: usize| moment.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    // Days since 1970 of a date, by years that begin in March (Howard Hinnant, "chrono-compatible date algorithms").
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days = (era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year).checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test's clock")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Amazon's own test suite for signatures: `get-vanilla-query-order-key-case` and `get-utf8`, whose signatures are
    /// published; time and date are the suite's.
    #[test]
    fn the_signatures_of_amazons_test_suite_are_computed() {
        let expected = Expected {
            region: "us-east-1".into(),
            service: "service".into(),
            access_key: "AKIDEXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        for (uri, signature) in [
            ("/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
            ("/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ] {
            let request = http::Request::get(uri).header("host", "example.amazonaws.com");
            let (head, ()) = request.header("x-amz-date", "20150830T123600Z").body(()).unwrap().into_parts();
            let canonical = canonical(&head, "host;x-amz-date", &hex(&Sha256::digest(b"")));
            let scope = "20150830/us-east-1/service/aws4_request";
            let digest = hex(&Sha256::digest(&canonical));
            let to_sign = format!("AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{digest}");
            assert_eq!(expected.signature("20150830T123600Z", &to_sign), signature, "{uri}");
        }
    }

    #[test]
    fn moments_are_seconds_since_1970() {
        for (moment, expected) in [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20150830T123600Z", 1_440_938_160),
            ("20261122T221343Z", 1_795_385_623),
        ] {
            assert_eq!(seconds(moment), Some(expected), "{moment}");
        }
        assert_eq!(seconds("yesterday"), None);
    }
}
