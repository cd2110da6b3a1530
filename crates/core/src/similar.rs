//! How far apart two names are, for guessing what a misspelt one was meant to be.

/// How many letters have to be put in, taken out or replaced to make one text of the other (the Levenshtein distance).
pub(crate) fn edits(from: &str, to: &str) -> usize {
    // From what has been read of `from` to each beginning of `to`.
    let mut distances: Vec<usize> = (0..=to.chars().count()).collect();
    for letter in from.chars() {
        let mut before = distances[0];
        distances[0] += 1;
        for (at, other) in to.chars().enumerate() {
            let replaced = before + usize::from(letter != other);
            before = distances[at + 1];
            distances[at + 1] = replaced.min(before + 1).min(distances[at] + 1);
        }
    }
    distances.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_differ_are_counted_and_not_bytes() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kling", "klimg", 1),
            ("kitten", "sitting", 3),
            ("熊猫", "熊", 1),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(from, to), expected, "{from} {to}");
            assert_eq!(edits(to, from), expected, "{to} {from}");
        }
    }
}
