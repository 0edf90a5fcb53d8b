//! Awkward requests, generated: every field of every row's valid body is replaced in turn by every awkward value, then
//! the whole body by every awkward body, and reads show what that did. The rows are in `awkward_*.rs`, one file a room.
//!
//! What only a file system refuses, a name of 300 characters, comes last, so that what it leaves behind is seen in the
//! few reads after it.

use serde_json::Value;

use super::awkward_forms::{Form, form_bodies, form_values};
use super::awkward_values::{json_bodies, json_values, padded, query_values};
use super::dsl::Call;
use super::scenario::Scenario;

/// A valid request.
enum Base {
    Json(Value),
    Form(Form),
    Query(Vec<(&'static str, &'static str)>),
}

/// A request that is sent before another; a value of its answer may be kept.
struct Before {
    call: Call,
    kept: Option<(&'static str, &'static str)>,
}

/// A route with a valid request, and what goes around its mutations.
pub struct Row {
    path: &'static str,
    name: &'static str,
    base: Base,
    inner: &'static [&'static str],
    before: Vec<Before>,
    each: Vec<Call>,
    reads: Vec<Call>,
}

/// Mutations that the original does not outlive, by the start of the step's name, and what happens. Ours alone gets
/// them.
pub type LeftOut<'a> = &'a [(&'a str, &'a str)];

/// As an entry of [`LeftOut`], of several steps at once.
pub struct Omitted<'a> {
    start: &'a str,
    ends: &'a [&'a str],
}

/// Ends of the names of the steps where a field is something, but no text.
pub const NO_TEXT: &[&str] = &[
    "=true",
    "=1.0",
    "=-1",
    "=1e21",
    "=12345678901234567890",
    "=[]",
    r#"=["a","b"]"#,
    "={}",
    r#"={"toString":1}"#,
    r#"={"a":{"b":[1,{"c":null}]}}"#,
    " repeated",
    " list",
    " object",
    " with toString",
];

/// The end of the names of the steps where a field cannot be turned into a text.
pub const UNSPEAKABLE: &[&str] = &[r#"={"toString":1}"#, " with toString"];

/// Leaves out the steps whose names start with `start` and go on with one of `ends`, or anyhow when that is empty.
pub const fn left_out<'a>(start: &'a str, ends: &'a [&'a str], _why: &str) -> Omitted<'a> {
    Omitted { start, ends }
}

impl Omitted<'_> {
    fn names(&self, label: &str) -> bool {
        label
            .strip_prefix(self.start)
            .is_some_and(|end| self.ends.is_empty() || self.ends.contains(&end))
    }
}

impl Row {
    fn new(path: &'static str, base: Base) -> Row {
        Row {
            path,
            name: "",
            base,
            inner: &[],
            before: Vec::new(),
            each: Vec::new(),
            reads: Vec::new(),
        }
    }

    /// A route with a JSON body, whose top level names the fields.
    pub fn json(path: &'static str, base: Value) -> Row {
        Row::new(path, Base::Json(base))
    }

    /// A route with a form.
    pub fn form(path: &'static str, form: Form) -> Row {
        Row::new(path, Base::Form(form))
    }

    /// A route that is read by `GET` with a query.
    pub fn query(path: &'static str, pairs: &[(&'static str, &'static str)]) -> Row {
        Row::new(path, Base::Query(pairs.to_vec()))
    }

    /// A name that tells rows of one route apart.
    pub fn called(mut self, name: &'static str) -> Row {
        self.name = name;
        self
    }

    /// Fields deeper in the body, as JSON pointers, that are mutated too.
    pub fn inner(mut self, pointers: &'static [&'static str]) -> Row {
        self.inner = pointers;
        self
    }

    /// Sent before each mutation, so that the route has something to work on.
    pub fn before(mut self, call: Call) -> Row {
        self.before.push(Before { call, kept: None });
        self
    }

    /// As [`before`](Self::before), keeping the value at `pointer` of the answer as `{{name}}`.
    pub fn before_keeping(mut self, call: Call, name: &'static str, pointer: &'static str) -> Row {
        self.before.push(Before {
            call,
            kept: Some((name, pointer)),
        });
        self
    }

    /// Sent after each mutation.
    pub fn each(mut self, call: Call) -> Row {
        self.each.push(call);
        self
    }

    /// Sent after each field's mutations.
    pub fn read(mut self, call: Call) -> Row {
        self.reads.push(call);
        self
    }

    /// The call with the row's name before what tells it from the row's other calls.
    fn named(&self, call: Call) -> Call {
        if self.name.is_empty() {
            return call;
        }
        let label = call.label();
        let own = label.splitn(3, ' ').nth(2).unwrap_or_default();
        call.note(&format!("{} {own}", self.name))
    }

    /// Pointers of all fields.
    fn fields(&self) -> Vec<String> {
        let own: Vec<String> = match &self.base {
            Base::Json(Value::Object(map)) => map.keys().map(|key| format!("/{key}")).collect(),
            Base::Json(_) => Vec::new(),
            Base::Form(form) => form.names().iter().map(|name| format!("/{name}")).collect(),
            Base::Query(pairs) => pairs.iter().map(|(name, _)| format!("/{name}")).collect(),
        };
        own.into_iter()
            .chain(self.inner.iter().map(|&pointer| pointer.to_owned()))
            .collect()
    }

    /// The mutations of one field: all but the long name, or it alone.
    fn mutations(&self, field: &str, long: bool) -> Vec<Call> {
        let name = &field[1..];
        match &self.base {
            Base::Json(base) => json_values(self.path, base, field, long),
            Base::Form(form) => form_values(self.path, form, name, long),
            Base::Query(pairs) => query_values(self.path, pairs, name, long),
        }
    }

    /// The mutations of the whole body.
    fn bodies(&self) -> Vec<Call> {
        match &self.base {
            Base::Json(base) => json_bodies(self.path, base),
            Base::Form(form) => form_bodies(self.path, form),
            Base::Query(_) => Vec::new(),
        }
    }
}

/// Runs all mutations of all rows, but for those left out.
pub async fn run(s: &mut Scenario, rows: &[Row], list: LeftOut<'_>) {
    let list: Vec<Omitted<'_>> = list
        .iter()
        .map(|(start, why)| left_out(start, &[], why))
        .collect();
    run_without(s, rows, &list).await;
}

/// Runs all mutations of all rows, but for those left out.
pub async fn run_without(s: &mut Scenario, rows: &[Row], left_out: &[Omitted<'_>]) {
    let mut used = vec![false; left_out.len()];
    for row in rows {
        for field in row.fields() {
            let calls = row.mutations(&field, false);
            group(s, row, &field[1..], calls, (left_out, &mut used)).await;
        }
        group(s, row, "body", row.bodies(), (left_out, &mut used)).await;
    }
    for row in rows {
        let padded = match &row.base {
            Base::Json(base) => vec![padded(row.path, base)],
            _ => Vec::new(),
        };
        group(s, row, "padding", padded, (left_out, &mut used)).await;
    }
    for row in rows {
        let fields = row.fields();
        let calls = fields.iter().flat_map(|field| row.mutations(field, true));
        group(s, row, "long", calls.collect(), (left_out, &mut used)).await;
    }
    let unused = left_out.iter().zip(used).filter(|(_, used)| !used);
    let unused: Vec<&str> = unused.map(|(entry, _)| entry.start).collect();
    assert!(unused.is_empty(), "no mutation is called so: {unused:?}");
}

/// Sends some mutations of a row, and then the row's reads.
async fn group(
    s: &mut Scenario,
    row: &Row,
    name: &str,
    calls: Vec<Call>,
    (left_out, used): (&[Omitted<'_>], &mut [bool]),
) {
    if calls.is_empty() {
        return;
    }
    // First what ours alone gets, so that a later mutation covers what it left.
    let mut shared = Vec::new();
    for call in calls.into_iter().map(|call| row.named(call)) {
        let label = call.label();
        match left_out.iter().position(|entry| entry.names(&label)) {
            Some(index) => {
                used[index] = true;
                s.ours_answers(&call).await;
            }
            None => shared.push(call),
        }
    }
    for call in shared {
        let label = call.label();
        for before in &row.before {
            s.send(before.call.clone().note(&format!("before {label}"))).await;
            if let Some((name, pointer)) = before.kept {
                s.capture(name, pointer);
            }
        }
        s.send(call).await;
        for read in &row.each {
            s.send(read.clone().note(&format!("after {label}"))).await;
        }
    }
    for read in &row.reads {
        s.send(
            read.clone()
                .note(&format!("after {}{} {name}", row.path, row.name)),
        )
        .await;
    }
}
