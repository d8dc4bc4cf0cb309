//! Texts, numbers, switches and words.

use serde_json::Value;
use target::{Endpoint, TargetError};

use super::{At, Found, Walk, closest};
use crate::config::model::{Kind, Word};
use crate::config::problem::Problem;
use crate::config::tree::{Node, NodeKind};

impl Walk<'_> {
    pub(super) fn scalar(&mut self, kind: &Kind, node: &Node, at: &At<'_>) -> Found {
        let (text, quoted) = match &node.kind {
            NodeKind::Scalar { text, quoted } => (text.as_str(), *quoted),
            NodeKind::Faulty => return Found::Faulty,
            _ => {
                let mut problem = self.problem(at, node);
                problem.what = format!("{} stands where {} is expected", self.describe(node), noun(kind));
                problem.expected = format!("{} is expected here", noun(kind));
                self.problems.push(problem);
                return Found::Faulty;
            }
        };
        if node.is_null() {
            return Found::Absent;
        }
        if text.is_empty() {
            self.blank(node, at);
            return Found::Faulty;
        }
        let checked = match kind {
            Kind::Text(format) => self.text(format.as_deref(), text, node, at),
            Kind::Whole { least, most } => self.whole(text, quoted, (*least, *most), node, at),
            Kind::Switch => self.switch(text, quoted, node, at),
            Kind::Word(words) => self.word(words, text, node, at),
            Kind::List { .. } | Kind::Texts | Kind::Section(_) => return Found::Faulty,
        };
        match checked {
            Ok(value) => Found::Value(value),
            Err(problem) => {
                self.problems.push(*problem);
                Found::Faulty
            }
        }
    }

    /// Nothing stands behind the colon.
    pub(super) fn blank(&mut self, node: &Node, at: &At<'_>) {
        let mut problem = self.problem(at, node);
        problem.what = "nothing is said".to_owned();
        problem.expected = "a value is expected behind this".to_owned();
        self.problems.push(problem);
    }

    fn text(&self, format: Option<&str>, text: &str, node: &Node, at: &At<'_>) -> Result<Value, Box<Problem>> {
        let Some(format) = format else { return Ok(text.into()) };
        let checked = match format {
            "endpoint" => address(text).map(drop),
            "http-endpoint" => match address(text) {
                Ok(Endpoint::Cluster(_)) => Ok(()),
                Err(why) if !why.contains("file:") => Err(why),
                Ok(Endpoint::Directory(_)) | Err(_) => Err("it must begin with http:// or https://".to_owned()),
            },
            other => protocol::spec::format::check(other, text),
        };
        checked.map(|()| text.into()).map_err(|why| {
            let mut problem = self.problem(at, node);
            if format.ends_with("endpoint") {
                problem.what = format!("{} is no address", self.describe(node));
                problem.help = Some(address_help(format, text).to_owned());
            } else {
                problem.what = format!("this is no {}", format.replace('-', " "));
            }
            problem.expected = why;
            Box::new(problem)
        })
    }

    fn whole(
        &self,
        text: &str,
        quoted: bool,
        (least, most): (u64, u64),
        node: &Node,
        at: &At<'_>,
    ) -> Result<Value, Box<Problem>> {
        let number = text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            Some(number) if !quoted && (least..=most).contains(&number) => Ok(number.into()),
            _ => {
                let mut problem = self.problem(at, node);
                problem.what = format!("{} is not what is expected", self.describe(node));
                problem.expected = match (number, most) {
                    (Some(_), _) if quoted => "a whole number is expected here, without quotes".to_owned(),
                    (_, u64::MAX) if least == 0 => "a whole number is expected here".to_owned(),
                    (_, u64::MAX) => format!("a whole number of at least {least} is expected here"),
                    _ => format!("a whole number from {least} to {most} is expected here"),
                };
                Err(Box::new(problem))
            }
        }
    }

    fn switch(&self, text: &str, quoted: bool, node: &Node, at: &At<'_>) -> Result<Value, Box<Problem>> {
        match text {
            "true" | "True" | "TRUE" if !quoted => Ok(true.into()),
            "false" | "False" | "FALSE" if !quoted => Ok(false.into()),
            _ => {
                let mut problem = self.problem(at, node);
                problem.what = format!("{} is not what is expected", self.describe(node));
                let quotes = if quoted { ", without quotes" } else { "" };
                problem.expected = format!("true or false is expected here{quotes}");
                problem.meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "1" | "true" => Some("true".to_owned()),
                    "no" | "off" | "0" | "false" => Some("false".to_owned()),
                    _ => None,
                };
                Err(Box::new(problem))
            }
        }
    }

    fn word(&self, words: &[Word], text: &str, node: &Node, at: &At<'_>) -> Result<Value, Box<Problem>> {
        if words.iter().any(|word| word.word == text) {
            return Ok(text.into());
        }
        let mut problem = self.problem(at, node);
        let meant = closest(text, words.iter().map(|word| word.word.as_str()));
        problem.what = format!("{} is none of the words that it takes", self.describe(node));
        problem.expected = meant.map_or_else(|| "unknown word".to_owned(), |meant| format!("did you mean `{meant}`?"));
        problem.allowed = Some(words.iter().map(|word| word.word.as_str()).collect::<Vec<_>>().join(", "));
        problem.meant = meant.map(str::to_owned);
        Err(Box::new(problem))
    }
}

fn address(text: &str) -> Result<Endpoint, String> {
    Endpoint::parse(text).map_err(|error| match error {
        TargetError::Endpoint { why, .. } => why,
        other => other.to_string(),
    })
}

fn address_help(format: &str, text: &str) -> &'static str {
    match format {
        _ if text.contains('@') => "say who we are in `auth`, and where the password is: it is never in the file",
        "endpoint" => "`https://search.example.com:9200` is one, and for a target `file:./out`",
        _ => "`https://minio.example.com:9000` is one",
    }
}

fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Whole { .. } => "a whole number",
        Kind::Switch => "true or false",
        Kind::Word(_) => "a word",
        Kind::Text(_) | Kind::List { .. } | Kind::Texts | Kind::Section(_) => "a text",
    }
}
