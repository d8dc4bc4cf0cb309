//! `compare-truth EXPORT TRUTH [--index NAME]…`: is an export what the source's server had?
//!
//! Both are NDJSON, of all indices or of the named ones. Prints the report; exit code 1 where something is wrong, 2
//! where the comparison can't be made.

use std::fs::File;
use std::io::BufReader;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tests::truth::{self, Report};

fn main() -> ExitCode {
    match compare() {
        Ok(report) => {
            println!("{report}");
            if report.is_equal() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn compare() -> Result<Report> {
    let mut files = Vec::new();
    let mut indices = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--index" {
            indices.push(arguments.next().context("--index wants a name")?);
        } else {
            files.push(argument);
        }
    }
    let [export, truth] = files.as_slice() else { bail!("usage: compare-truth EXPORT TRUTH [--index NAME]…") };
    truth::compare(open(export)?, open(truth)?, |index| indices.is_empty() || indices.iter().any(|name| name == index))
}

fn open(path: &str) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).with_context(|| format!("open {path}"))
}
