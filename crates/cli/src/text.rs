//! Arguments that are texts: the text itself, `-` for standard input, `@FILE` for a file.

use std::path::Path;

use crate::failure::Failure;
use crate::read_input;

/// How a text is given, for the help of a command.
pub(crate) const HELP: &str = "\
PROMPT, --negative-prompt and --ext-info take their text from standard input where it is -, and from a file where it is \
@FILE; one newline at the end is removed. @@ begins a text with @.";

/// Replaces each argument that names an input by what it holds. An argument comes with its name.
pub(crate) fn resolve<'a>(
    arguments: impl IntoIterator<Item = (&'static str, &'a mut Option<String>)>,
) -> Result<(), Failure> {
    let mut standard_input = None;
    for (name, argument) in arguments {
        let Some(given) = argument else {
            continue;
        };
        let refused = |problem: &str| Failure::usage(format!("{name}: {problem}; nothing was sent"));
        let text = match (given.as_str(), given.strip_prefix('@')) {
            ("-", _) => match standard_input.replace(name) {
                Some(other) => return Err(refused(&format!("standard input is read for {other} already"))),
                None => read(Path::new("-")).map_err(|problem| refused(&problem))?,
            },
            (_, Some(literal)) if literal.starts_with('@') => literal.to_owned(),
            (_, Some(file)) => read(Path::new(file)).map_err(|problem| refused(&problem))?,
            (text, None) => text.to_owned(),
        };
        if text.trim().is_empty() {
            return Err(refused("the text is empty"));
        }
        *argument = Some(text);
    }
    Ok(())
}

/// Refuses a name that was given and is blank: everyone whose variable is unset would share it.
pub(crate) fn refuse_blank(name: &str, given: Option<&str>) -> Result<(), Failure> {
    match given {
        Some(given) if given.trim().is_empty() => {
            Err(Failure::usage(format!("{name}: the name is empty; leave it out or give one; nothing was sent")))
        }
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let text = String::from_utf8(read_input(path).map_err(|failure| failure.message())?);
    let mut text = text.map_err(|_| format!("{} is not UTF-8", path.display()))?;
    if text.ends_with('\n') {
        text.truncate(text.len() - if text.ends_with("\r\n") { 2 } else { 1 });
    }
    Ok(text)
}
