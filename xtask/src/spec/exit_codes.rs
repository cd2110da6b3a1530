//! `spec/exit-codes.yaml` as types: the exit codes of the command.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use schemars::JsonSchema;
use serde::Deserialize;

/// The exit codes, in ascending order.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ExitCodes(pub(crate) Vec<ExitCode>);

/// What one exit code means.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExitCode {
    pub(crate) code: u8,
    /// The code as a word.
    pub(crate) kind: String,
    /// What the member `billed` of an error document can say.
    pub(crate) values: Vec<BilledWord>,
    /// The same in words.
    pub(crate) billed: String,
    /// When the command ends with it.
    pub(crate) meaning: String,
    /// What to do next; `TASK_ID` is replaced by the id of the task.
    pub(crate) next: Option<String>,
}

/// What is known of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum BilledWord {
    /// Nothing was billed.
    No,
    /// A task was accepted.
    Yes,
    /// A task may have been accepted, or it is not known whether it is billed.
    Unknown,
}

impl ExitCodes {
    /// Reads and judges the table.
    pub(crate) fn read(root: &std::path::Path) -> Result<Self> {
        const PATH: &str = "spec/exit-codes.yaml";
        let codes: Self = super::read(root, PATH)?;
        codes.judge().context(PATH)?;
        Ok(codes)
    }

    fn judge(&self) -> Result<()> {
        ensure!(self.0.is_sorted_by(|a, b| a.code < b.code), "the codes are not in ascending order");
        let mut kinds = BTreeSet::new();
        for ExitCode { code, kind, values, next, .. } in &self.0 {
            ensure!(kinds.insert(kind), "{code}: another code is {kind} too");
            ensure!(kind.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}: {kind} is not in snake_case");
            ensure!((*code == 0) == values.is_empty(), "{code}: a failure needs `values`, and 0 has none");
            ensure!((*code == 0) == next.is_none(), "{code}: a failure needs `next`, and 0 has none");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::parse;

    #[track_caller]
    fn refused(rows: &str, sentence: &str) {
        let codes: ExitCodes = parse(rows).expect("the rows have the right shape");
        let error = codes.judge().expect_err("a row is wrong").to_string();
        assert!(error.contains(sentence), "{error}");
    }

    #[test]
    fn a_wrong_row_is_refused() {
        let row = |code: u8, kind: &str, values: &str, next: &str| {
            format!("- {{ code: {code}, kind: {kind}, values: {values}, billed: b, meaning: m{next} }}\n")
        };
        let good = row(2, "usage", "['no']", ", next: n");
        assert!(parse::<ExitCodes>(&good).and_then(|codes| codes.judge()).is_ok());
        refused(&good.repeat(2), "ascending");
        refused(&(good.clone() + &row(3, "usage", "['no']", ", next: n")), "another code is usage too");
        refused(&row(2, "Usage", "['no']", ", next: n"), "snake_case");
        refused(&row(2, "usage", "[]", ", next: n"), "needs `values`");
        refused(&row(2, "usage", "['no']", ""), "needs `next`");
    }
}
