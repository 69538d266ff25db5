//! The house model's vocabulary: the words of the task, whole small numbers, and every other character.

use serde_json::{Value, json};

/// Padding; nothing ever reads it.
pub const PAD: &str = "<pad>";
/// What stands for a character that is not in the vocabulary.
pub const UNKNOWN: &str = "<unk>";
/// Ends an answer.
pub const END: &str = "</s>";
/// The mark of a step after which the target can be reached.
pub const GOOD: &str = "+";
/// The mark of any other step.
pub const BAD: &str = "-";

/// Numbers below this are one token each; larger ones are written digit by digit.
const WHOLE: u32 = 200;

/// The words of the task, as they stand in questions, steps and answers.
const WORDS: [&str; 10] =
    ["Reach", " with", " left", "#ANSWER: ", "\n", " + ", " - ", " * ", " / ", " = "];

/// What splits a text into tokens: words, operators with their spaces, whole numbers with or without
/// the space before them, then single digits and characters.
const SPLIT: &str =
    r"#ANSWER: |Reach| with| left| [-+*/=] | ?(?:1\d\d|[1-9]\d|\d)(?!\d)| ?\d|[\s\S]";

/// Every token, in the order of its id.
#[must_use]
pub fn tokens() -> Vec<String> {
    let mut tokens: Vec<String> = [PAD, UNKNOWN, END].map(str::to_owned).to_vec();
    tokens.extend(WORDS.map(str::to_owned));
    for number in 0..WHOLE {
        tokens.push(number.to_string());
        tokens.push(format!(" {number}"));
    }
    let single = (b' '..=b'~').map(|byte| char::from(byte).to_string());
    let fresh: Vec<String> = single.filter(|token| !tokens.contains(token)).collect();
    tokens.extend(fresh);
    tokens
}

/// The id of a token of [`tokens`].
#[must_use]
pub fn id(token: &str) -> Option<u32> {
    tokens().iter().position(|known| known == token).map(|at| at as u32)
}

/// How many tokens a text of the task has, without the tokenizer: puzzles are drawn where there is none.
pub(super) fn length(text: &str) -> usize {
    let (mut rest, mut count) = (text, 0);
    while !rest.is_empty() {
        let word = WORDS.iter().find(|word| rest.starts_with(**word)).map(|word| word.len());
        rest = &rest[word.unwrap_or_else(|| number_or_character(rest))..];
        count += 1;
    }
    count
}

/// The length of a text's first token, which is no word.
fn number_or_character(text: &str) -> usize {
    let bare = text.strip_prefix(' ').unwrap_or(text);
    let space = text.len() - bare.len();
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    let whole = bare[..digits].parse().is_ok_and(|number: u32| number < WHOLE)
        && (digits == 1 || !bare.starts_with('0'));
    match (digits, whole) {
        (0, _) => text.chars().next().map_or(0, char::len_utf8),
        (_, true) => space + digits,
        (_, false) => space + 1,
    }
}

/// The `tokenizer.json`.
#[must_use]
pub fn tokenizer() -> Value {
    let tokens = tokens();
    let vocabulary: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    let special: Vec<Value> = [PAD, UNKNOWN, END]
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": special,
        "normalizer": null,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": { "Regex": SPLIT },
            "behavior": "Isolated",
            "invert": false,
        },
        "post_processor": null,
        "decoder": { "type": "Fuse" },
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": UNKNOWN },
    })
}

/// A chat template that keeps a message's last line, which is the question: the models were trained on bare
/// questions and need no instructions.
pub const QUESTION: &str = "{{ messages[-1]['content'].strip().split('\\n')[-1] + '\\n' }}";

/// A chat template that keeps a message's question and, of what follows it, the lines of answers: a reviser was
/// trained on attempts one after the other, and needs no more to know what is asked.
pub const ATTEMPTS: &str = "{% set rest = ('\\n' + messages[-1]['content']).split('\\nReach ')[-1] %}\
    {% set lines = rest.split('\\n') %}{{ 'Reach ' + lines[0] + '\\n' }}\
    {% for line in lines[1:] %}{% if ' left ' in line or line.startswith('#ANSWER: ') %}\
    {{ line + '\\n' }}{% endif %}{% endfor %}";

/// The `tokenizer_config.json` of a model whose prompts a chat template makes.
#[must_use]
pub fn tokenizer_config(chat_template: &str) -> Value {
    json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": UNKNOWN,
        "eos_token": END,
        "pad_token": PAD,
        "add_bos_token": false,
        "clean_up_tokenization_spaces": false,
        "chat_template": chat_template,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_as_many_tokens_as_the_tokenizer_finds() {
        let tokenizer = tokenizers::Tokenizer::from_bytes(tokenizer().to_string()).unwrap();
        for text in [
            "Reach 24 with 1 10 199 200\n",
            "11/200 / 17 = 11/3400 left 11/3400 4\n",
            "#ANSWER: (((11 / 10) / 20) / 17) + 4",
            "-2 * 007 = 100200 left  3 é 1999\n",
        ] {
            assert_eq!(length(text), tokenizer.encode(text, false).unwrap().len(), "{text}");
        }
    }

    #[test]
    fn every_token_has_one_id() {
        let all = tokens();
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
        assert_eq!(id(END), Some(2));
        assert!(id(GOOD).is_some() && id(BAD).is_some() && id(GOOD) != id(BAD));
    }
}
