//! A browser: Chromium without a window, driven over the protocol of `WebDriver`.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const ARGUMENTS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
];

/// A browser, which ends with this value.
pub(crate) struct Browser {
    driver: Child,
    /// Where the driver listens, and what it has said.
    address: String,
    _said: BufReader<ChildStdout>,
    session: String,
    profile: TempDir,
}

impl Browser {
    /// Starts a browser; `None`, said out loud, where there is none.
    pub(crate) fn start() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "the test drives a browser")]
        let mut command = Command::new("chromedriver");
        let spawned = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut driver) = spawned else {
            eprintln!("SKIPPED: no `chromedriver` here; install Chromium and its driver");
            return None;
        };
        let mut said = BufReader::new(driver.stdout.take().unwrap());
        let mut line = String::new();
        let port = loop {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "chromedriver ended");
            if let Some((_, port)) = line.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').to_owned();
            }
        };
        let profile = TempDir::new().unwrap();
        let (address, session) = (format!("http://127.0.0.1:{port}"), String::new());
        let mut browser = Self { driver, address, _said: said, session, profile };
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", browser.profile.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        } } });
        let started = browser.ask("POST", "/session", &wanted);
        browser.session = format!("/session/{}", started["sessionId"].as_str().unwrap());
        // What the browser's own first page asks for is nobody's.
        browser.post("/url", &json!({ "url": "about:blank" }));
        browser.requests();
        Some(browser)
    }

    /// Opens a file.
    pub(crate) fn open(&self, file: &Path) {
        self.post("/url", &json!({ "url": format!("file://{}", file.display()) }));
    }

    /// What a script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What an expression in the page is.
    pub(crate) fn get(&self, expression: &str) -> Value {
        self.run(&format!("return {expression};"))
    }

    /// Presses keys, or types, where the page has its focus.
    pub(crate) fn press(&self, keys: &[&str]) {
        let presses: Vec<Value> = keys
            .iter()
            .flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key })))
            .collect();
        self.post(
            "/actions",
            &json!({ "actions": [{ "type": "key", "id": "keys", "actions": presses }] }),
        );
    }

    /// Clicks on the first element that a selector finds, and waits until the page has answered.
    pub(crate) fn click(&self, selector: &str) {
        let found = self.post("/element", &json!({ "using": "css selector", "value": selector }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        let hash = self.get(&format!("document.querySelector(`{selector}`).hash ?? ''"));
        self.post(&format!("/element/{id}/click"), &json!({}));
        // A link within the page is followed, and heard of, after the click has returned.
        let answered = "const [hash, done] = arguments;
            const wait = () => hash && location.hash !== hash
                ? setTimeout(wait, 5)
                : requestAnimationFrame(() => setTimeout(done));
            wait();";
        self.post("/execute/async", &json!({ "script": answered, "args": [hash] }));
    }

    /// What the page wrote on its console, violations of its security policy included.
    pub(crate) fn console(&self) -> Vec<String> {
        self.log("browser").iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// What was asked for over any network, the page's own file included.
    pub(crate) fn requests(&self) -> Vec<String> {
        let messages = self.log("performance");
        let messages = messages.iter().filter_map(|entry| {
            let message: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let message = &message["message"];
            let request = message["method"] == "Network.requestWillBeSent";
            request.then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
        });
        messages.collect()
    }

    fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let (done, reply) = self.send(method, path, body).unwrap();
        assert!(done, "{method} {path}: {reply}");
        reply["value"].clone()
    }

    /// Whether the driver did it, and what it said.
    fn send(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Result<(bool, Value), Box<dyn Error>> {
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("content-type", "application/json")
            .body(body.to_string())?;
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let mut response = config.new_agent().run(request)?;
        let reply = serde_json::from_str(&response.body_mut().read_to_string()?)?;
        Ok((response.status().is_success(), reply))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends the browser; without this, only itself.
        drop(self.send("DELETE", &self.session, &json!({})));
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}
