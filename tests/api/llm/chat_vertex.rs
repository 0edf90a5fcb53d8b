//! The signature of a service account, made with a key that the test makes.

use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::{Value, json};
use squaretable::providers::chat::vertex::token_request;

/// A fresh RSA key: its private half as PEM in both forms, its public half as PKCS#1 in hexadecimal.
fn key() -> Value {
    let code = "const k=require('node:crypto').generateKeyPairSync('rsa',{modulusLength:2048});\
        const pem=t=>k.privateKey.export({type:t,format:'pem'});\
        process.stdout.write(JSON.stringify({pkcs1:pem('pkcs1'),pkcs8:pem('pkcs8'),\
        public:k.publicKey.export({type:'pkcs1',format:'der'}).toString('hex')}))";
    let made = Command::new("node")
        .args(["-e", code])
        .output()
        .expect("node starts");
    serde_json::from_slice(&made.stdout).expect("JSON")
}

#[test]
fn a_service_account_signs_for_an_hour_and_with_its_key() {
    const NOW: i64 = 1_700_000_000;
    let key = key();
    let public = hex::decode(key["public"].as_str().expect("a text")).expect("hexadecimal");
    for form in ["pkcs1", "pkcs8"] {
        let account = json!({ "client_email": "me@x.example", "private_key": key[form], "project_id": "p" });
        let request = token_request(&account.to_string(), NOW).expect("the account can sign");
        assert_eq!(request.url.as_str(), "https://oauth2.googleapis.com/token");
        let body = String::from_utf8(request.body.to_vec()).expect("a form is ASCII");
        let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
        let token = body.strip_prefix(grant).expect("the grant of a token");
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public)
            .verify(signed.as_bytes(), &decode(signature))
            .expect("the signature fits");
        let (header, claims) = signed.split_once('.').expect("two parts");
        assert_eq!(decode(header), br#"{"alg":"RS256","typ":"JWT"}"#);
        let claims: Value = serde_json::from_slice(&decode(claims)).expect("JSON");
        let expected = json!({
            "iss": "me@x.example", "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "https://oauth2.googleapis.com/token", "iat": NOW, "exp": NOW + 3600,
        });
        assert_eq!(claims, expected);
    }
}
