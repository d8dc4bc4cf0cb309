//! Gets a server's jars with Maven, once per machine.
//!
//! In: Maven coordinates. Out: the class path. The jars lie in Maven's own local repository; what was resolved is
//! remembered below `.tools/servers/` of the workspace. Two processes at a time: one resolves, the other waits.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::{FileLock, tools_dir};

const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath";

/// The jars of `coordinates` and of all that they need, in class path order.
///
/// # Errors
/// Where Maven is missing or can't get a jar.
pub(super) fn resolve(name: &str, coordinates: &[String]) -> Result<Vec<PathBuf>> {
    let directory = tools_dir().join("servers").join(name);
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    let _alone = FileLock::acquire(&format!("servers-{name}"))?;
    let pom = pom(coordinates)?;
    if let Some(jars) = remembered(&directory, &pom) {
        return Ok(jars);
    }
    run_maven(&directory, &pom)?;
    remembered(&directory, &pom).with_context(|| format!("Maven left no usable class path in {}", directory.display()))
}

/// The class path of an earlier run, if it was for the same `pom` and its jars are still there.
fn remembered(directory: &Path, pom: &str) -> Option<Vec<PathBuf>> {
    let same = fs::read_to_string(directory.join("pom.xml")).ok()? == pom;
    let class_path = fs::read_to_string(directory.join("classpath.txt")).ok()?;
    let jars: Vec<PathBuf> = std::env::split_paths(class_path.trim()).collect();
    (same && !jars.is_empty() && jars.iter().all(|jar| jar.is_file())).then_some(jars)
}

fn pom(coordinates: &[String]) -> Result<String> {
    let mut pom = "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n<modelVersion>4.0.0</modelVersion>\n\
        <groupId>migctl</groupId><artifactId>server</artifactId><version>1</version>\n<dependencies>\n"
        .to_owned();
    for coordinate in coordinates {
        let parts: Vec<&str> = coordinate.split(':').collect();
        let [group, artifact, version] = parts.as_slice() else { bail!("no Maven coordinate: {coordinate}") };
        writeln!(
            pom,
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
            <version>{version}</version></dependency>"
        )?;
    }
    pom.push_str("</dependencies>\n</project>\n");
    Ok(pom)
}

fn run_maven(directory: &Path, pom: &str) -> Result<()> {
    let remembered = directory.join("classpath.txt");
    // Removed first, so that a failure doesn't leave the old answer to the new question.
    if remembered.try_exists()? {
        fs::remove_file(&remembered).context("remove the outdated class path")?;
    }
    fs::write(directory.join("pom.xml"), pom).context("write pom.xml")?;
    let output = Command::new("mvn")
        .args(["--batch-mode", "--quiet", PLUGIN, "-Dmdep.outputFile=classpath.part"])
        .current_dir(directory)
        .output()
        .context("run mvn: install Apache Maven (Debian: maven) to have test servers")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        bail!("mvn could not get the jars of {}:\n{said}", directory.display());
    }
    fs::rename(directory.join("classpath.part"), remembered).context("keep the class path")
}
