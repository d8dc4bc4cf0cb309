//! An operator with one account and one user, as `nsc` makes them: JWTs signed with ed25519 nkeys.
//!
//! After: NATS' jwt v2, `ClaimsData.encode`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

/// Keys of those who trust each other.
pub struct Trust {
    operator: KeyPair,
    system: KeyPair,
    account: KeyPair,
    user: KeyPair,
}

impl Trust {
    pub fn new() -> Self {
        Self {
            operator: KeyPair::new_operator(),
            system: KeyPair::new_account(),
            account: KeyPair::new_account(),
            user: KeyPair::new_user(),
        }
    }

    /// Lines of a server's configuration: whom it trusts, and the accounts that it knows.
    pub fn server_config(&self) -> String {
        let system = self.system.public_key();
        let operator = json!({"type": "operator", "version": 2, "system_account": system});
        let accounts = [&self.system, &self.account].map(|account| {
            let unlimited = ["subs", "data", "payload", "imports", "exports", "conn", "leaf"];
            let stores = ["mem_storage", "disk_storage", "streams", "consumer"];
            // The system's account may not have streams.
            let stores = if account.public_key() == system { &[][..] } else { &stores[..] };
            let mut limits: serde_json::Map<String, Value> =
                unlimited.iter().chain(stores).map(|name| ((*name).to_owned(), json!(-1))).collect();
            limits.insert("wildcards".to_owned(), json!(true));
            let claims = json!({"type": "account", "version": 2, "limits": limits});
            format!("{}: {}", account.public_key(), signed(&self.operator, account, claims))
        });
        format!(
            "operator: {}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{\n{}\n}}",
            signed(&self.operator, &self.operator, operator),
            accounts.join("\n")
        )
    }

    /// The user's `.creds` file.
    pub fn creds(&self) -> String {
        let claims = json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1});
        format!(
            "-----BEGIN NATS USER JWT-----\n{}\n------END NATS USER JWT------\n\n\
             ************************* IMPORTANT *************************\n\
             NKEY Seed printed below can be used to sign and prove identity.\n\n\
             -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
            signed(&self.account, &self.user, claims),
            self.user.seed().unwrap()
        )
    }
}

/// What `issuer` says of `subject`.
fn signed(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    let issued = protocol::clock::now_ms() / 1000 - 60;
    let claims = json!({
        "jti": "migctl", "iat": issued, "iss": issuer.public_key(), "name": "tests", "sub": subject.public_key(),
        "nats": nats,
    });
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encoded(json!({"typ": "JWT", "alg": "ed25519-nkey"})), encoded(claims));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(text.as_bytes()).unwrap());
    format!("{text}.{signature}")
}
