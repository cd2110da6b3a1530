//! `spec/exit-codes.yaml` as Rust for the command, and as a table for its documents.

use std::fmt::Write as _;

use crate::spec::{ExitCode, ExitCodes};

/// The whole of `crates/cli/src/exit_codes.rs` below its first line.
pub(crate) fn rust(codes: &ExitCodes) -> String {
    let mut text = String::from(
        "//! The exit codes of the command.\n\n\
         use vod_aigc_client::transport::Billed;\n\n\
         /// What a document says beside an exit code.\n\
         #[derive(Debug)]\n\
         pub(crate) struct Row {\n\
         \x20   pub(crate) code: u8,\n\
         \x20   /// The code as a word.\n\
         \x20   pub(crate) kind: &'static str,\n\
         \x20   /// What can be known of the bill with this code.\n\
         \x20   pub(crate) billed: &'static [Billed],\n\
         \x20   /// What to do next; `TASK_ID` is replaced by the id of the task.\n\
         \x20   pub(crate) next: &'static str,\n\
         }\n\n",
    );
    let failures = || codes.0.iter().filter(|row| row.code != 0);
    for row in failures() {
        text += &format!(
            "/// {}.\npub(crate) const {}: u8 = {};\n",
            upper_first(&row.meaning),
            row.kind.to_uppercase(),
            row.code
        );
    }
    text +=
        "\n/// Every code of a failure, in ascending order.\n#[rustfmt::skip]\npub(crate) static ROWS: &[Row] = &[\n";
    for row in failures() {
        let billed: Vec<_> = row.values.iter().map(|value| format!("Billed::{value:?}")).collect();
        text += &format!(
            "    Row {{ code: {}, kind: {:?}, billed: &[{}], next: {:?} }},\n",
            row.code,
            row.kind,
            billed.join(", "),
            row.next.as_deref().unwrap_or_default()
        );
    }
    text += "];\n\n/// The table for a terminal.\npub(crate) const HELP: &str = \"\\\n";
    text += &help(codes).replace('\\', "\\\\").replace('"', "\\\"");
    text += "\";\n\n/// The table in one line.\n#[rustfmt::skip]\npub(crate) const SUMMARY: &str = ";
    text + &format!("{:?};\n", summary(codes))
}

/// The table in Markdown.
pub(crate) fn markdown(codes: &ExitCodes) -> String {
    let mut text = String::from("| code | kind | billed | meaning | next |\n|---|---|---|---|---|\n");
    for ExitCode { code, kind, billed, meaning, next, .. } in &codes.0 {
        let next = next.as_deref().unwrap_or("–");
        text += &format!("| {code} | `{kind}` | {billed} | {meaning} | {next} |\n");
    }
    text
}

fn help(codes: &ExitCodes) -> String {
    let width = codes.0.iter().map(|row| row.kind.len()).max().unwrap_or_default();
    let indent = " ".repeat(width + 8);
    let mut text = String::from("Exit codes:\n");
    for ExitCode { code, kind, billed, meaning, next, .. } in &codes.0 {
        // Writing to a string cannot fail.
        let _ = write!(text, "  {code:>2}  {kind:width$}  {meaning}\n{indent}billed: {billed}\n");
        if let Some(next) = next {
            let _ = writeln!(text, "{indent}next: {next}");
        }
    }
    text
}

fn summary(codes: &ExitCodes) -> String {
    let rows = codes.0.iter().filter(|row| row.code != 0);
    let rows: Vec<_> = rows.map(|row| format!("{} {} (billed: {})", row.code, row.kind, row.billed)).collect();
    format!("Exit codes: 0 done, {}.", rows.join(", "))
}

fn upper_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
