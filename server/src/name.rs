//! The names that come from outside, checked once: rooms, identities, what to call somebody.

use std::fmt;

/// Longest name of a room, in characters.
pub const MAX_ROOM_CHARS: usize = 64;

/// Longest identity and longest name of a participant, in characters. Together with the number of
/// participants it bounds the size of a welcome.
pub const MAX_PERSON_CHARS: usize = 64;

/// The name of a room: 1 to [`MAX_ROOM_CHARS`] letters and digits of any script, `-`, `_` and `.`,
/// and not only dots. It stands in paths (`/room/{name}`), so nothing in it needs care in a URL
/// beyond percent-encoding.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoomName(String);

/// Why a text is not the name of a room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoomNameError {
    /// Nothing there.
    #[error("a room needs a name")]
    Empty,
    /// Too many characters.
    #[error("the room name has {0} characters, the limit is {MAX_ROOM_CHARS}")]
    TooLong(usize),
    /// A character that room names do not have.
    #[error("the room name has {0:?} in it; letters, digits, '-', '_' and '.' are allowed")]
    Character(char),
    /// `.`, `..` and the like mean something else in a path.
    #[error("a room name cannot be made of dots alone")]
    Dots,
}

impl RoomName {
    /// Checks a name.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: &str) -> Result<Self, RoomNameError> {
        let chars = text.chars().count();
        if chars == 0 {
            return Err(RoomNameError::Empty);
        }
        if chars > MAX_ROOM_CHARS {
            return Err(RoomNameError::TooLong(chars));
        }
        if let Some(bad) = text.chars().find(|&c| !(c.is_alphanumeric() || "-_.".contains(c))) {
            return Err(RoomNameError::Character(bad));
        }
        if text.chars().all(|c| c == '.') {
            return Err(RoomNameError::Dots);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as text, owned.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is neither an identity nor a name to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PersonNameError {
    /// Nothing there, or blanks only.
    #[error("is empty")]
    Empty,
    /// Too many characters.
    #[error("has {0} characters, the limit is {MAX_PERSON_CHARS}")]
    TooLong(usize),
    /// A control character, or one that turns the direction of the text around it.
    #[error("has {0:?} in it, which is not text")]
    Character(char),
}

/// Checks an identity or a name to show: 1 to [`MAX_PERSON_CHARS`] characters of text, without
/// blanks around it, which are cut off.
///
/// # Errors
/// The rule that it breaks.
pub fn person_name(text: &str) -> Result<String, PersonNameError> {
    let text = text.trim();
    let chars = text.chars().count();
    if chars == 0 {
        return Err(PersonNameError::Empty);
    }
    if chars > MAX_PERSON_CHARS {
        return Err(PersonNameError::TooLong(chars));
    }
    match text.chars().find(|&c| c.is_control() || turns_direction(c)) {
        Some(bad) => Err(PersonNameError::Character(bad)),
        None => Ok(text.to_owned()),
    }
}

/// Embeddings, overrides and isolates of the bidirectional algorithm (UAX 9 section 2): with them
/// a name could rearrange the text that stands beside it.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_names_are_letters_and_digits_of_any_script_with_three_marks() {
        for good in ["a", "Team-7_b.c", "会议室", "sala.ñ", &"x".repeat(64)] {
            assert_eq!(RoomName::new(good).map(RoomName::into_string), Ok(good.to_owned()));
        }
    }

    #[test]
    fn a_bad_room_name_is_refused_by_the_rule_that_it_breaks() {
        for (bad, error) in [
            ("", RoomNameError::Empty),
            (&*"x".repeat(65), RoomNameError::TooLong(65)),
            ("a b", RoomNameError::Character(' ')),
            ("a/../b", RoomNameError::Character('/')),
            ("a\u{202e}b", RoomNameError::Character('\u{202e}')),
            ("..", RoomNameError::Dots),
        ] {
            assert_eq!(RoomName::new(bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn a_person_is_called_anything_that_is_text() {
        assert_eq!(person_name("  Zoë O'Neil 🎈 "), Ok("Zoë O'Neil 🎈".into()));
        assert_eq!(person_name(" \t "), Err(PersonNameError::Empty));
        assert_eq!(person_name("a\nb"), Err(PersonNameError::Character('\n')));
        assert_eq!(person_name("a\u{202e}b"), Err(PersonNameError::Character('\u{202e}')));
        assert_eq!(person_name(&"x".repeat(65)), Err(PersonNameError::TooLong(65)));
    }
}
