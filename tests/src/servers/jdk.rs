//! Finds a Java development kit of the right version on this machine.
//!
//! In: `MIGCTL_JDK17`, `MIGCTL_JDK21`, `JAVA_HOME`, the kits below `/usr/lib/jvm`, `java` on the `PATH`. Out: the
//! `java` to run. Each candidate is asked for its version: directory names promise what they like.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use super::product::Jdk;

const KITS: &str = "/usr/lib/jvm";

/// The `java` command of the first kit that fits `jdk`.
///
/// # Errors
/// Where there is none: the message says what to install and which variable may point to it.
pub(super) fn find(jdk: Jdk) -> Result<PathBuf> {
    let (variable, wanted) = match jdk {
        Jdk::Seventeen => ("MIGCTL_JDK17", "a Java development kit 17 (Debian: openjdk-17-jdk-headless)"),
        Jdk::TwentyOne => ("MIGCTL_JDK21", "a Java development kit of version 21 or later (for example Temurin 25)"),
    };
    for java in candidates(variable) {
        let fits = match jdk {
            Jdk::Seventeen => major_version(&java) == Some(17),
            Jdk::TwentyOne => major_version(&java).is_some_and(|major| major >= 21),
        };
        if fits {
            return Ok(java);
        }
    }
    bail!(
        "no {wanted} found in {variable}, JAVA_HOME, {KITS} or on the PATH: install it, or set {variable} to its home"
    )
}

fn candidates(variable: &str) -> Vec<PathBuf> {
    let mut homes: Vec<PathBuf> =
        [variable, "JAVA_HOME"].iter().filter_map(std::env::var_os).map(PathBuf::from).collect();
    if let Ok(kits) = std::fs::read_dir(KITS) {
        let mut found: Vec<PathBuf> = kits.flatten().map(|kit| kit.path()).collect();
        found.sort();
        homes.extend(found);
    }
    // A runtime without compiler has `java` too, but can't start the launcher from its source.
    homes.retain(|home| home.join("bin/javac").is_file());
    let mut commands: Vec<PathBuf> = homes.iter().map(|home| home.join("bin/java")).collect();
    commands.push(PathBuf::from("java"));
    commands
}

fn major_version(java: &Path) -> Option<u32> {
    // The version is printed to standard error: `openjdk version "17.0.15" 2025-04-15`.
    let output = Command::new(java).arg("-version").output().ok()?;
    parse_major(&String::from_utf8_lossy(&output.stderr))
}

fn parse_major(printed: &str) -> Option<u32> {
    let version = printed.split('"').nth(1)?;
    let mut parts = version.split(['.', '-', '+', '_']);
    match parts.next()?.parse().ok()? {
        // Up to Java 8 the version began with a one: `1.8.0_402`.
        1 => parts.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_java_prints_them() {
        assert_eq!(parse_major("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime"), Some(17));
        assert_eq!(parse_major("openjdk version \"25\" 2025-09-16 LTS"), Some(25));
        assert_eq!(parse_major("openjdk version \"22-ea\" 2024-03-19"), Some(22));
        assert_eq!(parse_major("java version \"1.8.0_402\""), Some(8));
        assert_eq!(parse_major("bash: java: command not found"), None);
    }
}
