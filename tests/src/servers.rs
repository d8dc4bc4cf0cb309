//! Real servers, without Docker: one node in a Java machine, from the jars on Maven Central.
//!
//! In: a [`Product`]. Out: a running [`Server`] on a free port of 127.0.0.1 with an empty data directory, allowed to
//! write snapshot repositories anywhere. Needs `mvn` and a Java development kit; the first start on a machine fetches
//! about 50 MB of jars per product, later ones take 10 to 60 seconds.
//!
//! Holds: a server ends with the [`Server`] or with the process that started it, even if that is killed.
//! Not here: what is said to a server ([`crate::http`]).

mod jars;
mod jdk;
mod product;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::http::Http;
pub use product::Product;

/// How long a start may take before it is called failed; slow machines need a minute.
const START_TIMEOUT: Duration = Duration::from_secs(180);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const LOG_TAIL_LINES: usize = 40;

const LAUNCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/servers/Launcher.java");

/// Logs go to standard output and so into the server's log file.
const LOG4J2_PROPERTIES: &str = "status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
";

/// What may differ from the ordinary start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Size of the Java heap in MiB.
    pub heap_mib: u32,
    /// Further settings and their values, or others than the ordinary ones (`path.repo`).
    pub settings: Vec<(String, String)>,
    /// What the server must have in its keystore: passwords and keys, by setting.
    pub secrets: Vec<(String, String)>,
    /// Whether it has the plugin for repositories in S3; only [`Product::OpenSearch3`] can.
    pub repository_s3: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { heap_mib: 512, settings: Vec::new(), secrets: Vec::new(), repository_s3: false }
    }
}

/// A running server; ends when dropped, and its data with it.
#[derive(Debug)]
pub struct Server {
    product: Product,
    options: Options,
    child: Child,
    port: u16,
    home: TempDir,
}

impl Server {
    /// Starts `product` and waits until it answers.
    ///
    /// # Errors
    /// Where Java, Maven or a jar is missing, or the server ends or doesn't answer in time; with the end of its log.
    pub fn start(product: Product) -> Result<Self> {
        Self::start_with(product, Options::default())
    }

    /// [`Server::start`] with other `options`.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn start_with(product: Product, options: Options) -> Result<Self> {
        let home = tempfile::Builder::new()
            .prefix(&format!("migctl-{product}-"))
            .tempdir()
            .context("create the server's directory")?;
        for directory in ["config", "modules", "plugins", "lib", "logs", "tmp"] {
            fs::create_dir(home.path().join(directory)).with_context(|| format!("create {directory}"))?;
        }
        fs::write(home.path().join("config/log4j2.properties"), LOG4J2_PROPERTIES).context("configure logging")?;
        let class_path = class_path(product, &options)?;
        lay_out_modules(product, home.path(), &class_path)?;
        // Port 0: the server takes a free one, so that servers started at the same time can't meet.
        let child = spawn(product, &options, home.path(), 0)?;
        let mut server = Self { product, options, child, port: 0, home };
        server.wait_until_up()?;
        Ok(server)
    }

    /// Starts the server again, on the same port and data, after [`Server::kill9`].
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.kill9()?;
        self.child = spawn(self.product, &self.options, self.home.path(), self.port)?;
        self.wait_until_up()
    }

    /// Ends the server at once, as `kill -9` does; its data stays as it is.
    ///
    /// # Errors
    /// Where the process can't be waited for.
    pub fn kill9(&mut self) -> Result<ExitStatus> {
        self.child.kill().context("kill the server")?;
        self.child.wait().context("wait for the killed server")
    }

    /// Which server this is.
    pub fn product(&self) -> Product {
        self.product
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The id of the server's process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A client for this server.
    ///
    /// # Errors
    /// As [`Http::new`].
    pub fn http(&self) -> Result<Http> {
        Http::new(&self.url())
    }

    /// What the server logged so far.
    ///
    /// # Errors
    /// Where the log can't be read.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(self.home.path().join("server.log")).context("read the server's log")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            if let Some(status) = self.child.try_wait().context("look after the server")? {
                bail!("{} ended while starting ({status}):\n{}", self.product, self.log_tail());
            }
            if self.is_up()? {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} does not answer after {START_TIMEOUT:?}:\n{}", self.product, self.log_tail());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn is_up(&mut self) -> Result<bool> {
        if self.port == 0 {
            match bound_port(self.home.path())? {
                Some(port) => self.port = port,
                None => return Ok(false),
            }
        }
        Ok(self.http()?.get("/_cluster/health?wait_for_status=yellow&timeout=1s").is_ok())
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_else(|error| format!("{error:#}"));
        let skipped = log.lines().count().saturating_sub(LOG_TAIL_LINES);
        log.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its data is thrown away with it, so it need not end in order.
        self.kill9().ok();
    }
}

/// The server of `product` that all tests of this process share; started when first asked for.
///
/// # Errors
/// As [`Server::start`]; the next call tries again.
pub fn shared(product: Product) -> Result<&'static Server> {
    static RUNNING: Mutex<BTreeMap<Product, &'static Server>> = Mutex::new(BTreeMap::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.get(&product) {
        return Ok(server);
    }
    // Never dropped: the launcher notices the end of this process and ends the server.
    let server: &'static Server = Box::leak(Box::new(Server::start(product)?));
    running.insert(product, server);
    Ok(server)
}

fn spawn(product: Product, options: &Options, home: &Path, port: u16) -> Result<Child> {
    let java = jdk::find(product.jdk())?;
    configure(product, options, home, port)?;
    let class_path = std::env::join_paths(class_path(product, options)?).context("join the class path")?;
    let log = File::options().create(true).append(true).open(home.join("server.log")).context("open the log")?;
    Command::new(java)
        // A test server lives shortly: a quick start and few threads count for more than the top speed.
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Xms{}m", options.heap_mib))
        .arg(format!("-Xmx{}m", options.heap_mib))
        .args(product.java_flags())
        .arg(format!("-D{}.path.conf={}", product.family(), home.join("config").display()))
        .arg(format!("-Dlog4j.configurationFile={}", home.join("config/log4j2.properties").display()))
        .arg("-Dlog4j2.disable.jmx=true")
        .arg(format!("-Djava.io.tmpdir={}", home.join("tmp").display()))
        .arg("-cp")
        .arg(class_path)
        .arg(LAUNCHER)
        .arg(format!("org.{}", product.family()))
        .arg(home)
        .args(product.plugins())
        .args(options.repository_s3.then_some(product::S3_PLUGIN))
        .current_dir(home)
        // The launcher ends the server when this pipe ends, which it does with this process.
        .stdin(Stdio::piped())
        .stdout(log.try_clone().context("open the log")?)
        .stderr(log)
        .spawn()
        .context("start java")
}

/// The jars of the server and of the plugins that it has.
fn class_path(product: Product, options: &Options) -> Result<Vec<PathBuf>> {
    let (mut name, mut coordinates) = (product.to_string(), product.coordinates());
    if options.repository_s3 {
        name.push_str("-s3");
        coordinates.push(product.s3_coordinate().with_context(|| format!("{product} has no plugin for S3 here"))?);
    }
    jars::resolve(&name, &coordinates)
}

fn configure(product: Product, options: &Options, home: &Path, port: u16) -> Result<()> {
    let ports = ports_file(home);
    if ports.try_exists()? {
        fs::remove_file(ports).context("remove the ports of the last start")?;
    }
    let port = port.to_string();
    let ordinary = [
        ("cluster.name", "migctl-tests"),
        ("node.name", "node"),
        ("discovery.type", "single-node"),
        ("network.host", "127.0.0.1"),
        ("http.port", &port),
        ("transport.port", "0"),
        ("node.portsfile", "true"),
        ("path.repo", "/"),
        // A full disk of the machine must not decide what a test sees.
        ("cluster.routing.allocation.disk.threshold_enabled", "false"),
        // The serial collector leaves garbage until the heap is full: real usage says nothing about what is needed.
        ("indices.breaker.total.use_real_memory", "false"),
    ];
    let further = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let is_ordinary = |(name, _): &(&str, &str)| options.settings.iter().all(|(other, _)| other != name);
    let lines: String = ordinary
        .into_iter()
        .filter(is_ordinary)
        .chain(further)
        .map(|(name, value)| format!("{name}: \"{value}\"\n"))
        .collect();
    let secrets: String = options.secrets.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    fs::write(home.join("config/secrets.properties"), secrets).context("write the server's secrets")?;
    fs::write(home.join(format!("config/{}.yml", product.family())), lines).context("write the server's configuration")
}

/// Where a node writes the addresses it listens on, once it does.
fn ports_file(home: &Path) -> PathBuf {
    home.join("logs/http.ports")
}

fn bound_port(home: &Path) -> Result<Option<u16>> {
    let addresses = match fs::read_to_string(ports_file(home)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        addresses => addresses.context("read the server's ports")?,
    };
    let address = addresses.lines().next().with_context(|| format!("no address in {addresses:?}"))?;
    let port = address.rsplit(':').next().and_then(|port| port.parse().ok());
    port.map(Some).with_context(|| format!("no port in {address:?}"))
}

/// Elasticsearch 8 reads plugins from directories: a descriptor and the jars that the server itself doesn't have.
fn lay_out_modules(product: Product, home: &Path, class_path: &[PathBuf]) -> Result<()> {
    for module in product.modules() {
        let jars = jars::resolve(&format!("{product}-{}", module.name), &[module.coordinate])?;
        let directory = home.join("modules").join(module.name);
        fs::create_dir(&directory).context("create a module's directory")?;
        for jar in jars.iter().filter(|jar| !class_path.contains(jar)) {
            let name = jar.file_name().with_context(|| format!("no file name: {}", jar.display()))?;
            std::os::unix::fs::symlink(jar, directory.join(name)).context("link a module's jar")?;
        }
        let version = product.version();
        let descriptor = format!(
            "name={0}\ndescription={0}\nversion={version}\n{1}.version={version}\njava.version=17\nclassname={2}\n",
            module.name,
            product.family(),
            module.class
        );
        fs::write(directory.join("plugin-descriptor.properties"), descriptor).context("describe a module")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_server_starts_and_answers_documents_as_they_were_sent() {
        for product in Product::ALL {
            let server = Server::start(product).unwrap_or_else(|error| panic!("{error:#}"));
            let http = server.http().unwrap();
            let nodes = http.get("/_nodes/_local/jvm").unwrap();
            let node = nodes["nodes"].as_object().unwrap().values().next().unwrap();
            assert_eq!(node["version"], product.version(), "{product}");

            let source = "{\"n\": 1.10,\n\"é\":12345678901234567890123}";
            let settings = json!({"number_of_shards": 2, "number_of_replicas": 0});
            http.put("/i", json!({"settings": settings, "mappings": {"dynamic": false}})).unwrap();
            http.put("/i/_doc/a%2Fb?routing=r", source).unwrap();
            http.bulk("{\"index\":{\"_index\":\"i\",\"_id\":\"2\"}}\n{}\n").unwrap();
            http.refresh("i").unwrap();
            let mut documents = http.documents("i").unwrap();
            documents.sort_by_key(|document| document.id.clone());
            let ids: Vec<_> = documents.iter().map(|document| (document.id.as_str(), &document.routing)).collect();
            assert_eq!(ids, [("2", &None), ("a/b", &Some("r".to_owned()))], "{product}");
            let answered = documents[1].source.as_ref().map(|source| source.get());
            assert_eq!(answered, Some(source), "{product}");
        }
    }

    #[test]
    fn a_killed_server_comes_back_with_its_documents_and_ends_with_its_starter() {
        let mut server = Server::start(Product::Elasticsearch7).unwrap_or_else(|error| panic!("{error:#}"));
        let url = server.url();
        server.http().unwrap().put("/i/_doc/1", "{}").unwrap();
        server.kill9().unwrap();
        assert!(server.http().unwrap().get("/").is_err());
        server.restart().unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(server.url(), url);
        assert_eq!(server.http().unwrap().get("/i/_doc/1").unwrap()["found"], true);

        // What the end of this process would do to the pipe.
        drop(server.child.stdin.take());
        assert!(server.child.wait().unwrap().success());
    }
}
