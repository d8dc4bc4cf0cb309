//! The tab key in a real bash, which calls this build of `migctl`: names, phases and shards of what is on a real bus.

use std::process::Command;
use std::time::Instant;

use tests::binaries;

use crate::desk::{DEADLINE, DONE, Desk};

/// Completes the last of `words` as bash does.
fn tab(desk: &Desk, words: &[&str]) -> Vec<String> {
    let migctl = binaries::program("migctl").unwrap();
    // What bash does at the key: it sets these variables, calls the function that was registered, takes its answer.
    let script = r#"
        source <(COMPLETE=bash "$MIGCTL")
        function=$(complete -p migctl | sed 's/.* -F \([^ ]*\) .*/\1/')
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
        "$function" migctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2> /dev/null
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).args(words).current_dir(desk.place.path());
    bash.env("MIGCTL", migctl).env_remove("MIGCTL_NATS_URL");
    if desk.has_nats() {
        bash.env("MIGCTL_NATS_URL", desk.url());
    }
    let output = bash.output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// A machine that is busy may answer too late: then the key is pressed again.
#[track_caller]
fn offers(desk: &Desk, words: &[&str], expected: &[&str]) {
    let begun = Instant::now();
    loop {
        let offered = tab(desk, words);
        if offered == expected {
            return;
        }
        assert!(begun.elapsed() < DEADLINE, "{words:?}: {offered:?}");
    }
}

const PHASES: [&str; 6] = ["snapshot", "register", "metadata", "load", "verify", "cleanup"];

#[test]
fn commands_options_and_values_complete_from_the_bus_and_from_here() {
    let mut desk = Desk::staffed();
    desk.configure("shop", "indices: [books, orders]\n");
    desk.configure("logs", "indices: [weblogs-2024.05]\n");
    std::fs::write(desk.place.path().join("notes.txt"), "").unwrap();
    desk.says(&["submit", "-c", "shop.yaml"], DONE, &[]);
    desk.says(&["submit", "-c", "logs.yaml"], DONE, &[]);
    desk.await_phase("shop", "metadata", "waiting");

    offers(&desk, &["migctl", "ev"], &["evidence"]);
    offers(&desk, &["migctl", "snapshot", "i"], &["inspect"]);
    offers(&desk, &["migctl", "status", "--wa"], &["--watch"]);
    offers(&desk, &["migctl", "status", "--output", ""], &["text", "json"]);
    offers(&desk, &["migctl", "submit", "-c", "s"], &["shop.yaml"]);

    offers(&desk, &["migctl", "status", "-m", ""], &["logs", "shop"]);
    offers(&desk, &["migctl", "pause", "-m", "s"], &["shop"]);
    offers(&desk, &["migctl", "retry", "-m", "shop", "--shard", ""], &["books/", "orders/"]);
    offers(&desk, &["migctl", "retry", "-m", "shop", "--shard", "books/"], &["books/0", "books/1"]);
    // bash takes what is around a `=` for words of their own, and completes what is after it.
    offers(&desk, &["migctl", "output", "-m", "shop", "-l", "ph"], &["phase="]);
    offers(&desk, &["migctl", "output", "-m", "shop", "-l", "phase", "=", "reg"], &["register"]);
    offers(&desk, &["migctl", "output", "-m", "shop", "-l", "kind", "=", "au"], &["audit"]);
    let levels = tab(&desk, &["migctl", "output", "-m", "shop", "-l", "level", "="]);
    assert!(levels.iter().any(|level| level == "info"), "{levels:?}");
    let (scheme, rest) = desk.url().split_once(':').unwrap();
    let (host, port) = rest.split_once(':').unwrap();
    offers(&desk, &["migctl", "list", "--nats", scheme, ":", host, ":", port, "--outp"], &["--output"]);
    offers(&desk, &["migctl", "stop", "--nats", scheme, ":", host, ":", port, "-m", "sh"], &["shop"]);
    for command in ["approve", "reject", "evidence", "retry"] {
        offers(&desk, &["migctl", command, "ver"], &["verify"]);
        for phase in PHASES {
            offers(&desk, &["migctl", command, &phase[..phase.len() - 1]], &[phase]);
        }
    }
}

#[test]
fn where_nobody_answers_nothing_is_offered_and_nothing_is_said() {
    let desk = Desk::new();
    offers(&desk, &["migctl", "status", "-m", ""], &[]);
    offers(&desk, &["migctl", "status", "--nats", "nats://127.0.0.1:1", "-m", ""], &[]);
    offers(&desk, &["migctl", "retry", "-m", "none", "--shard", ""], &[]);
    offers(&desk, &["migctl", "approve", "lo"], &["load"]);
}

#[test]
fn zsh_and_fish_get_a_script_too() {
    let desk = Desk::new();
    for (shell, words) in [("bash", "complete -o"), ("zsh", "#compdef migctl"), ("fish", "complete --")] {
        let mut command = binaries::command("migctl", desk.place.path(), &[]).unwrap();
        let output = command.env("COMPLETE", shell).output().unwrap();
        let script = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && script.contains(words), "{shell}: {script}");
    }
}
