//! Which records the account store gets: those that accounts have now, spelled as they came where they still say so.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use squaretable_compat::layout::{Stored, storage_file_name};

use crate::accounts::{self, Account};

/// A file of `_storage`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// File name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its mtime, where it is known.
    pub modified_at: Option<DateTime<Utc>>,
}

/// The records of `users`. Of those that were `kept` as they came, the ones go along that say what is still so, and the
/// ones that say nothing of an account; an account that was removed does not come back.
pub fn choose(users: &[Account], kept: Vec<Record>) -> Vec<Record> {
    let mut chosen: BTreeMap<String, Record> = BTreeMap::new();
    let mut said = Vec::new();
    for record in kept {
        match meaning(&record, users) {
            Meaning::Nothing => {}
            Meaning::Says(key) => said.push(key),
            Meaning::Past => continue,
        }
        chosen.insert(record.name.clone(), record);
    }
    for user in users {
        for (name, bytes) in accounts::records(&user.as_new()) {
            if !said.contains(&name) {
                let record = Record {
                    name: name.clone(),
                    bytes,
                    modified_at: None,
                };
                chosen.insert(name, record);
            }
        }
    }
    chosen.into_values().collect()
}

enum Meaning {
    /// Nothing about an account that there could be.
    Nothing,
    /// What the record of this file name is to say.
    Says(String),
    /// What is so no more.
    Past,
}

fn meaning(record: &Record, users: &[Account]) -> Meaning {
    let of = |handle: &str| users.iter().find(|user| user.handle == handle);
    let (key, is_so) = match accounts::parse(&record.bytes) {
        Ok(Stored::Account(account)) => {
            let Ok(mut account) = Account::new(account) else {
                return Meaning::Nothing;
            };
            let Some(user) = of(&account.handle) else {
                return Meaning::Past;
            };
            account.avatar.clone_from(&user.avatar);
            (format!("user:{}", user.handle), account == *user)
        }
        Ok(Stored::Avatar { handle, url }) => match of(&handle) {
            Some(user) => (format!("avatar:{handle}"), url == user.avatar),
            None => return Meaning::Nothing,
        },
        Ok(Stored::Other { .. }) | Err(_) => return Meaning::Nothing,
    };
    let name = storage_file_name(&key);
    if is_so {
        Meaning::Says(name)
    } else if record.name == name {
        Meaning::Past
    } else {
        // A second record of an account, under a name at which SillyTavern does not look for it.
        Meaning::Nothing
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record(name: &str, key: &str, value: &Value) -> Record {
        Record {
            name: name.to_owned(),
            bytes: json!({ "key": key, "value": value }).to_string().into_bytes(),
            modified_at: Some(DateTime::UNIX_EPOCH),
        }
    }

    #[test]
    fn a_record_goes_along_as_long_as_it_is_true() {
        let value = json!({ "handle": "ann", "name": "Ann", "created": 1, "note": "mine" });
        let name = storage_file_name("user:ann");
        let odd = record(&name, "user:ann", &value);
        let Ok(Stored::Account(account)) = accounts::parse(&odd.bytes) else {
            panic!("it is an account");
        };
        let mut account = Account::new(account).unwrap();
        let other = record("other", "else", &json!(1));
        let kept = || vec![odd.clone(), other.clone()];
        let unchanged = choose(std::slice::from_ref(&account), kept());
        assert_eq!((unchanged.len(), unchanged.contains(&odd)), (2, true));
        account.name = "Bea".to_owned();
        let renamed = choose(&[account], kept());
        assert_eq!((renamed.len(), renamed.contains(&odd)), (2, false));
        assert_eq!(choose(&[], kept()), [other]);
    }
}
