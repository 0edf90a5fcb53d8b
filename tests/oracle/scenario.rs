//! Runs a family: sends each [`Call`] to both servers and records how the answers differ.

use std::collections::HashMap;

use serde_json::Value;

use super::compare::{self, Rules};
use super::dsl::{Call, Upload, call, get, post, upload};
use super::http::Answer;
use super::normalise::Normaliser;
use super::original::{self, Original};
use super::report::{self, Step};
use super::side::Side;
use super::upstream::{Recorded, Upstream};
use crate::harness::models::{self, File};
use crate::harness::{Log, Sites, Target, World, oracle_target};

/// A family's run against both servers.
pub struct Scenario {
    family: String,
    sides: [Side; 2],
    steps: Vec<Step>,
    labels: HashMap<String, usize>,
    original: Original,
    log: Log,
    ours: Option<Target>,
    upstreams: Option<[Upstream; 2]>,
    worlds: Option<[World; 2]>,
}

impl Scenario {
    /// Starts both servers with the same configuration and opens a session on each.
    pub async fn start(family: &str, extra_config: &str) -> Scenario {
        let config = original::config(extra_config);
        let log = Log::start();
        let (original, ours) = tokio::join!(Original::start(&config, None), oracle_target(&config, None));
        Self::between(family, original, Some(ours), log).await
    }

    /// As [`start`](Self::start), with a world for each side that answers as `sites` says. `extra_config` must leave
    /// `requestProxy` out.
    pub async fn in_world(family: &str, extra_config: &str, sites: &Sites) -> Scenario {
        let worlds = [World::start(sites).await, World::start(sites).await];
        let [first, second] = worlds
            .each_ref()
            .map(|world| original::config(&format!("{}{extra_config}", world.config())));
        let authority = worlds[0].authority();
        let (original, ours) = tokio::join!(
            Original::start(&first, Some(&authority)),
            oracle_target(&second, Some(worlds[1].authority()))
        );
        let mut scenario = Self::between(family, original, Some(ours), Log::start()).await;
        scenario.worlds = Some(worlds);
        scenario
    }

    /// Both sides are one and the same original: for tests of the comparison itself.
    pub async fn mirror(family: &str) -> Scenario {
        let original = Original::start(&original::config(""), None).await;
        Self::between(family, original, None, Log::start()).await
    }

    async fn between(family: &str, original: Original, ours: Option<Target>, log: Log) -> Scenario {
        let second = ours.as_ref().map_or(&original.base_url, |ours| &ours.base_url);
        let sides = [
            Side::connect(&original.base_url).await,
            Side::connect(second).await,
        ];
        Scenario {
            family: family.into(),
            sides,
            steps: Vec::new(),
            labels: HashMap::new(),
            original,
            log,
            ours,
            upstreams: None,
            worlds: None,
        }
    }

    /// Goes on as the browser of this name on both sides, a new one where there is none; the first one is `""`.
    pub async fn browser(&mut self, name: &str) -> &mut Scenario {
        for side in &mut self.sides {
            side.switch(name).await;
        }
        self
    }

    /// Keeps, as `{{name}}`, the last six digits that follow these words in each side's log.
    pub fn capture_code(&mut self, name: &str, words: &str) -> &mut Scenario {
        let logs = [self.original.log(), self.log.text()];
        for (side, log) in self.sides.iter_mut().zip(logs) {
            let found = log.rsplit_once(words).map(|(_, rest)| rest);
            let digits: String = found
                .unwrap_or_default()
                .split('\n')
                .next()
                .unwrap_or_default()
                .replace("\u{1b}[", "")
                .split(' ')
                .map(|part| part.rsplit('m').find(|part| part.len() == 6).unwrap_or_default())
                .collect();
            assert_eq!(digits.len(), 6, "{}: no code after {words:?}: {log}", self.family);
            side.vars.retain(|(known, _)| known != name);
            side.vars.push((name.into(), digits));
        }
        self
    }

    /// Gives both sides these models.
    pub fn store_models(&self, files: &[File]) {
        let ours = self.ours.as_ref().map(Target::data_dir);
        for folder in ours.into_iter().chain([self.original.data_dir()]) {
            models::store(&folder.join("_cache"), files);
        }
    }

    /// Sends a request to both servers and records the comparison.
    pub async fn send(&mut self, call: Call) -> &mut Scenario {
        let other = call.clone();
        self.send_each(call, &other).await
    }

    /// Sends different requests to the two sides; a comparison that can fail needs a way to make it fail.
    pub async fn send_each(&mut self, call: Call, ours: &Call) -> &mut Scenario {
        if call.path == "/api/settings/make-snapshot" {
            // Two snapshots within one second are one file.
            self.next_second().await;
        }
        let [left, right] = &mut self.sides;
        tokio::join!(left.send(&call), right.send(ours));
        assert!(
            left.last.status != 0,
            "the original gave no answer to {}: {}\n{}",
            call.label(),
            left.last.reason,
            self.original.log()
        );
        let mut rules = call.rules.clone();
        rules.key_order = std::env::var_os("SQUARETABLE_ORACLE_KEYS").is_some();
        let disagreements = compare::compare(&rules, [(&left.last, &left.vars), (&right.last, &right.vars)]);
        let excerpt: String = Normaliser::new(&left.vars)
            .text(&left.last.text())
            .chars()
            .take(160)
            .collect();
        let original = format!("{} {}", left.last.status, excerpt.replace(['\r', '\n'], "⏎"));
        let unbuilt = right.last.status == 501 && left.last.status != 501;
        self.record(Step {
            label: call.label(),
            route: call.route(),
            original,
            disagreements,
            unbuilt,
        });
        self
    }

    /// Sends a request to ours alone, where the original would not outlive it: ours has to answer.
    pub async fn ours_answers(&mut self, call: &Call) {
        self.ours_within(call, 200..=500).await;
    }

    /// As [`ours_answers`](Self::ours_answers); ours has to refuse it.
    pub async fn ours_refuses(&mut self, call: &Call) {
        self.ours_within(call, 400..=500).await;
    }

    async fn ours_within(&mut self, call: &Call, codes: std::ops::RangeInclusive<u16>) {
        let ours = &mut self.sides[1];
        ours.send(call).await;
        let (label, last) = (call.label(), &ours.last);
        assert!(
            codes.contains(&last.status),
            "{label}: {} {}",
            last.status,
            last.reason
        );
    }

    /// Adds a step; a label that was there before gets a number.
    fn record(&mut self, mut step: Step) {
        let seen = self.labels.entry(step.label.clone()).or_default();
        *seen += 1;
        if *seen > 1 {
            step.label = format!("{} #{seen}", step.label);
        }
        self.steps.push(step);
    }

    /// `GET`.
    pub async fn get(&mut self, path: &str) -> &mut Scenario {
        self.send(get(path)).await
    }

    /// `POST` with a JSON body.
    pub async fn post(&mut self, path: &str, body: Value) -> &mut Scenario {
        self.next_tick().await;
        self.send(post(path, &body)).await
    }

    /// `POST` with a JSON text exactly as written.
    pub async fn raw(&mut self, path: &str, json: &str) -> &mut Scenario {
        self.next_tick().await;
        self.send(call("POST", path).body("application/json", json.as_bytes()))
            .await
    }

    /// Multipart `POST`.
    pub async fn upload(&mut self, path: &str, file: Upload<'_>, fields: &[(&str, &str)]) -> &mut Scenario {
        self.next_tick().await;
        self.send(upload(path, Some(file), fields)).await
    }

    /// Keeps a value of each side's last answer under a name: a JSON pointer, or `""` for the whole body.
    ///
    /// Panics when the original's answer has no such value; ours missing it shows in the comparison already.
    pub fn capture(&mut self, name: &str, pointer: &str) -> &mut Scenario {
        for (index, side) in self.sides.iter_mut().enumerate() {
            let body = side.last.text();
            let value = match pointer {
                "" => Some(body.clone()),
                _ => compare::tree(&body)
                    .and_then(|value| value.pointer(pointer).cloned())
                    .map(|value| match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    }),
            };
            assert!(
                index == 1 || value.is_some(),
                "{}: the original's answer has no {pointer}: {body}",
                self.family
            );
            side.vars.retain(|(known, _)| known != name);
            side.vars
                .push((name.into(), value.unwrap_or_else(|| "missing".into())));
        }
        self
    }

    /// Keeps a header of each side's last answer under a name.
    pub fn capture_header(&mut self, name: &str, header: &str) -> &mut Scenario {
        for side in &mut self.sides {
            let value = side.last.header(header).unwrap_or_else(|| "missing".into());
            side.vars.retain(|(known, _)| known != name);
            side.vars.push((name.into(), value));
        }
        self
    }

    /// Compares, as one step, what `view` makes of each side's last answer, in the place of its body.
    pub fn viewed(&mut self, label: &str, view: impl Fn(&Answer) -> Vec<u8>) -> &mut Scenario {
        let answers = [0, 1].map(|side: usize| Answer {
            status: 200,
            body: view(&self.sides[side].last),
            ..Answer::default()
        });
        let vars = [&self.sides[0].vars, &self.sides[1].vars];
        let found = compare::compare(
            &Rules::default(),
            [(&answers[0], vars[0]), (&answers[1], vars[1])],
        );
        self.record(Step {
            label: label.into(),
            route: "view".into(),
            original: answers[0].text().chars().take(160).collect(),
            disagreements: found,
            unbuilt: false,
        });
        self
    }

    /// The original's last answer.
    pub fn answer(&self) -> &Answer {
        &self.sides[0].last
    }

    /// Starts a recording upstream per side; `{{upstream}}` is its address from then on.
    pub async fn with_upstreams(&mut self) -> &mut Scenario {
        let both = [Upstream::start().await, Upstream::start().await];
        for (side, upstream) in self.sides.iter_mut().zip(&both) {
            side.vars.push(("upstream".into(), upstream.base_url.clone()));
        }
        self.upstreams = Some(both);
        self
    }

    /// Compares, as one step, the requests that reached the upstreams or the worlds since the last call of this
    /// function.
    pub async fn reached(&mut self, label: &str) -> &mut Scenario {
        self.reached_by(label, |_| {})
    }

    /// As [`reached`](Self::reached), for requests that are sent at the same time.
    pub fn reached_in_any_order(&mut self, label: &str) -> &mut Scenario {
        self.reached_by(label, |requests| {
            requests.sort_by_key(|request| request.to_value().to_string());
        })
    }

    fn reached_by(&mut self, label: &str, order: impl Fn(&mut Vec<Recorded>)) -> &mut Scenario {
        let requests = match (&self.worlds, &self.upstreams) {
            (Some(worlds), _) => worlds
                .each_ref()
                .map(|world| world.take().iter().map(Recorded::of).collect()),
            (None, Some(upstreams)) => upstreams.each_ref().map(Upstream::take),
            (None, None) => panic!("in_world() or with_upstreams() comes first"),
        };
        let answers = requests.map(|mut list: Vec<Recorded>| {
            order(&mut list);
            let body = Value::Array(list.iter().map(Recorded::to_value).collect())
                .to_string()
                .into_bytes();
            Answer {
                status: 200,
                body,
                ..Answer::default()
            }
        });
        let vars = [&self.sides[0].vars, &self.sides[1].vars];
        // The order of keys belongs to a request, which may be logged, hashed or signed where it goes.
        let rules = Rules {
            key_order: true,
            ..Rules::default()
        };
        let found = compare::compare(&rules, [(&answers[0], vars[0]), (&answers[1], vars[1])]);
        let original: String = answers[0].text().chars().take(160).collect();
        self.record(Step {
            label: format!("reached the upstream: {label}"),
            route: "upstream".into(),
            original,
            disagreements: found,
            unbuilt: false,
        });
        self
    }

    /// Forgets the requests that reached the worlds so far, where they come in an order of chance.
    pub fn forget(&mut self) -> &mut Scenario {
        for world in self.worlds.iter().flatten() {
            world.take();
        }
        self
    }

    /// Waits past the tick of the kernel's clock (4 ms at 250 Hz): files written within one may carry equal times, and
    /// lists by date then put them in an order of chance.
    async fn next_tick(&self) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    /// Waits for the next second of the clock: names made of seconds must not depend on how fast a side is.
    pub async fn next_second(&mut self) -> &mut Scenario {
        let into = u64::from(chrono::Utc::now().timestamp_subsec_millis());
        tokio::time::sleep(std::time::Duration::from_millis(1005 - into.min(1000))).await;
        self
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Writes the report and fails the test on any unexpected disagreement.
    pub fn finish(self) {
        report::finish(&self.family, &self.steps);
    }
}
