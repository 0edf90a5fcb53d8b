//! Names that lead inside: every route that asks anybody, vendors' own hosts among them, when the name leads to a private
//! address, when the host redirects to one, and when the name leads elsewhere each time that it is looked up.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use reqwest::Url;
use serde_json::{Value, json};
use squaretable::config::Config;
use squaretable::config::ip_pattern::IpPattern;
use squaretable::providers::resolver::Lookup;
use squaretable::router;
use squaretable::routes::Route;
use squaretable::scopes::{self, Need, Scope};
use tokio::net::TcpListener;

use super::bodies::{KEYS, bodies, words};
use super::doors;
use super::ssrf::{Kind, Ssrf};
use super::tally::{SPELLED, Tally};
use crate::harness::{
    Answer, Client, Commit, GitHost, Log, Options, Reply, Request, Server, Sites, World, file,
};

/// What the log says of each refusal; with a key nobody goes from host to host in the first place.
const REFUSALS: [&str; 2] = [
    "blocked a request to a private address",
    "blocked a redirect that takes a key to another host",
];

fn refusals(log: &Log) -> usize {
    let text = log.text();
    REFUSALS.iter().map(|words| text.matches(words).count()).sum()
}

/// What names lead to.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// Whoever asks first is told these, everybody after that the others.
    first: Vec<IpAddr>,
    later: Vec<IpAddr>,
    asked: usize,
}

impl Names {
    /// Begins anew.
    fn tell(&self, first: &[&str], later: &[&str]) {
        let read = |list: &[&str]| list.iter().map(|ip| ip.parse().expect("an address")).collect();
        *self.0.lock().expect("no holder panics") = Told {
            first: read(first),
            later: read(later),
            asked: 0,
        };
    }

    fn asked(&self) -> usize {
        self.0.lock().expect("no holder panics").asked
    }

    fn lookup(&self, port: u16) -> Lookup {
        let names = self.clone();
        Lookup::table(move |_| {
            let mut told = names.0.lock().expect("no holder panics");
            told.asked += 1;
            let list = if told.asked == 1 { &told.first } else { &told.later };
            Ok(list.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
        })
    }
}

/// Where a route may and may not go.
struct Ground {
    names: Names,
    /// The port of both hosts, for addresses that tell one.
    port: u16,
    /// Connections to the host inside.
    inside: Arc<AtomicUsize>,
    /// Where the host outside, which may be asked, sends whoever asks it.
    onward: Arc<Mutex<Option<String>>>,
    outside: World,
}

impl Ground {
    /// One host at 127.0.0.2, over TLS or without, and one at the same port of 127.0.0.1 that must not be asked.
    async fn new() -> Self {
        let names = Names::default();
        let inside = Arc::default();
        let (outside, port) = loop {
            let outside = TcpListener::bind((OUTSIDE, 0)).await.expect("a free port");
            let port = outside.local_addr().expect("a bound socket").port();
            if count_connections(port, Arc::clone(&inside)).await {
                break (outside, port);
            }
        };
        let onward = Arc::new(Mutex::new(None::<String>));
        let sites = Sites::default();
        let to = onward.clone();
        let answer = move |_: &Request| match to.lock().expect("no holder panics").as_deref() {
            Some(address) => Reply::redirect(address).with_status("307 Temporary Redirect"),
            None => Reply::status("500 Internal Server Error"),
        };
        // Over TLS, and without.
        sites.below("https://", answer.clone()).below("/", answer);
        Self {
            names,
            port,
            inside,
            onward,
            outside: World::at(outside, &sites),
        }
    }

    /// A server that may ask 127.0.0.2 and no other private address.
    fn options(&self) -> Options {
        let mut config = Config::default();
        config.http.cors_proxy = true;
        let filter = &mut config.upstream.private_addresses;
        filter.enabled = true;
        filter.allowed_ranges = IpPattern::parse(OUTSIDE).into_iter().collect();
        config.upstream.lookup = self.names.lookup(self.port);
        config.upstream.extra_ca_certificates = Some(self.outside.authority());
        config.content.import_domains.push("names.example".to_owned());
        Options {
            config,
            ..Options::default()
        }
    }

    fn lead(&self, first: &[&str], later: &[&str], onward: Option<&str>) {
        self.names.tell(first, later);
        *self.onward.lock().expect("no holder panics") = onward.map(str::to_owned);
    }
}

/// Counts who connects to this port of 127.0.0.1, unless somebody else has it.
async fn count_connections(port: u16, count: Arc<AtomicUsize>) -> bool {
    let Ok(listener) = TcpListener::bind((INSIDE, port)).await else {
        return false;
    };
    tokio::spawn(async move {
        while let Ok((_stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    true
}

/// An extension from a name, and its repository, which is outside: `update` and others ask the name again.
async fn install(ground: &Ground, client: &Client) -> GitHost {
    let (host, port) = loop {
        let host = GitHost::start_at(OUTSIDE).await;
        let port = Url::parse(&host.url).ok().and_then(|url| url.port());
        let port = port.expect("a free port is no usual one");
        if count_connections(port, ground.inside.clone()).await {
            break (host, port);
        }
    };
    host.commit("Ext", &Commit::on("main", "x").file("manifest.json", "{}"));
    ground.lead(&[OUTSIDE], &[OUTSIDE], None);
    let url = json!({ "url": format!("http://git.example:{port}/Ext") });
    client.post("/api/extensions/install", url).await.expect(200);
    host
}

/// A way to make the server ask somebody.
enum Ask {
    /// An address of the user's: at a name.
    Door(doors::Door),
    /// Whomever the route asks.
    Route(Route, Value),
}

impl Ask {
    fn path(&self) -> &str {
        match self {
            Self::Door(door) => &door.path,
            Self::Route(route, _) => &route.path,
        }
    }

    fn row(&self) -> String {
        match self {
            Self::Door(door) => door.name(),
            Self::Route(route, body) => doors::row(&route.path, body),
        }
    }

    async fn ask(&self, client: &Client, port: u16) -> Answer {
        let (route, body) = match self {
            Self::Door(door) => return door.knock(client, &format!("http://names.example:{port}")).await,
            Self::Route(route, body) => (route, body),
        };
        if route.method == "GET" {
            return client.get(&route.path).await;
        }
        if words(FORMS).any(|form| route.path.ends_with(form)) {
            let recording = file("a.wav", "x");
            return client.upload(&route.path, recording, &[("model", "m")]).await;
        }
        client.post(&route.path, body).await
    }
}

/// How the paths end of routes that are sent a recording as a form.
const FORMS: &str = "/transcribe-audio /elevenlabs/recognize /voices/add";

/// Every way to ask somebody that there might be.
fn asks() -> Vec<Ask> {
    let mut asks: Vec<Ask> = doors::all().into_iter().map(Ask::Door).collect();
    for route in router::routes().merge(router::own()).served() {
        // The extension is needed.
        if ["/api/extensions/delete", "/api/extensions/move"].contains(&route.path.as_str()) {
            continue;
        }
        for body in bodies(&route.path) {
            asks.push(Ask::Route(route.clone(), body));
        }
    }
    asks
}

/// Those that look a name up when names lead to the host outside.
async fn askers(ground: &Ground, client: &Client) -> Vec<Ask> {
    let mut found = Vec::new();
    for ask in asks() {
        ground.lead(&[OUTSIDE], &[OUTSIDE], None);
        ask.ask(client, ground.port).await;
        if ground.names.asked() > 0 {
            found.push(ask);
        }
    }
    found
}

const OUTSIDE: &str = "127.0.0.2";
const INSIDE: &str = "127.0.0.1";

/// What names lead to first and later, and where the host outside sends whoever asks it.
type Lead<'t> = (Kind, &'t [&'t str], &'t [&'t str], Option<&'t str>);

const BY_NAME: [Lead; 9] = [
    (Kind::Loopback, &[INSIDE], &[INSIDE], None),
    (Kind::Loopback, &["::1", INSIDE], &[INSIDE], None),
    (Kind::Private, &["10.0.0.1"], &["10.0.0.1"], None),
    (Kind::Private, &["169.254.169.254"], &["169.254.169.254"], None),
    (Kind::Private, &["fd00:ec2::254"], &["fd00:ec2::254"], None),
    (Kind::Mapped, &["::ffff:127.0.0.1"], &["::ffff:127.0.0.1"], None),
    (
        Kind::Mapped,
        &["::ffff:169.254.169.254"],
        &["::ffff:10.0.0.1"],
        None,
    ),
    (Kind::Rebinding, &[OUTSIDE], &[INSIDE], None),
    (Kind::Rebinding, &[INSIDE, OUTSIDE], &[OUTSIDE, INSIDE], None),
];

/// Leads every asker there, on a node of its own, as some ask once in the life of a node; what was refused.
async fn attack(ground: &Ground, node: &Server, asks: &[Ask], lead: Lead<'_>, found: &mut Found) {
    let (kind, first, later, onward) = lead;
    let client = node.client().await;
    for ask in asks {
        ground.lead(first, later, onward);
        let before = refusals(&found.log);
        let answer = ask.ask(&client, ground.port).await;
        let connections = ground.inside.load(Ordering::Relaxed);
        // To the host outside a name may lead at any time.
        let is_logged = kind == Kind::Rebinding || refusals(&found.log) > before;
        let refused = connections == 0 && ground.names.asked() > 0 && is_logged;
        found.table.note(&ask.row(), kind, refused);
        let what = format!("{} by {kind:?} {first:?} {later:?} {onward:?}", ask.row());
        let seen = format!("{} {}, {connections} connections", answer.status, answer.text());
        found.tally.note(SPELLED, what, refused, seen);
    }
}

struct Found {
    log: Log,
    table: Ssrf,
    tally: Tally,
}

#[tokio::test]
async fn no_name_leads_inside() {
    let mut found = Found {
        log: Log::start(),
        table: Ssrf::default(),
        tally: Tally::new("names_inside"),
    };
    let ground = Ground::new().await;
    let server = Server::with(ground.options()).await;
    let client = server.client().await;
    for key in words(KEYS) {
        let secret = json!({ "key": key, "value": "k" });
        client.post("/api/secrets/write", secret).await.expect(200);
    }
    let repository = install(&ground, &client).await;
    let asks = askers(&ground, &client).await;
    assert_nobody_is_missing(&asks);
    let inside = format!("http://{INSIDE}:{}/", ground.port);
    let named = format!("http://names.example:{}/", ground.port);
    let redirects: [Lead; 2] = [
        (Kind::Redirect, &[OUTSIDE], &[OUTSIDE], Some(&inside)),
        (Kind::Redirect, &[OUTSIDE], &[INSIDE], Some(&named)),
    ];
    for lead in BY_NAME.into_iter().chain(redirects) {
        if let Some(onward) = lead.3 {
            repository.redirect("/Ext", onward);
        }
        let node = server.beside(ground.options()).await;
        attack(&ground, &node, &asks, lead, &mut found).await;
    }
    found.table.write("names_inside");
    assert_eq!(found.table.gaps(), [""; 0]);
    found.tally.finish(3000);
}

/// Routes that send requests to providers, but for those that answer from a list of their own.
fn assert_nobody_is_missing(asks: &[Ask]) {
    const LISTS: [&str; 3] = [
        "/api/google/list-native-voices",
        "/api/google/list-voices",
        "/api/horde/sd-samplers",
    ];
    let known: BTreeSet<&str> = asks.iter().map(Ask::path).collect();
    let silent: Vec<_> = scopes::list()
        .filter(|(_, need)| *need == Need::Scope(Scope::Generate))
        .map(|(route, _)| route.path)
        .filter(|path| !known.contains(path.as_str()) && !LISTS.contains(&path.as_str()))
        .collect();
    assert!(silent.is_empty(), "these ask nobody: {silent:?}");
}
