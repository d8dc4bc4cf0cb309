//! The rules, in the order in which they are applied.

mod template;

use crate::rule::Rule;

/// All of them, by subject.
pub const RULES: &[&[Rule]] = &[template::RULES];
