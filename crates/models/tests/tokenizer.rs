//! Tokenizers: equal to the references on real models, loss-free, and never a panic.

#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its data fails")]

mod files;

use std::fs;

use espalier_models::{GgufFile, LoadError, StreamDecoder, Tokenizer};
use files::GgufBytes;
use proptest::prelude::*;
use tempfile::TempDir;

const SMOLLM: &str = "SmolLM2-135M-Instruct.Q4_1.gguf";
const QWEN: &str = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";

#[derive(serde::Deserialize)]
struct Reference {
    text: String,
    ids: Vec<u32>,
}

fn real(model: &str) -> Option<Tokenizer> {
    let path = files::model(model)?;
    Some(Tokenizer::from_gguf(&GgufFile::open(path).unwrap()).unwrap())
}

/// Compares a model's tokenizer with a reference: ids, text, and text put together from bytes.
fn equals_reference(model: &str, reference: &str) {
    let Some(reference) = files::shared(&format!("data/tokenizers/{reference}")) else { return };
    let Some(tokenizer) = real(model) else { return };
    let cases: Vec<Reference> = serde_json::from_slice(&fs::read(reference).unwrap()).unwrap();
    assert_eq!(cases.len(), 117);
    for Reference { text, ids } in cases {
        assert_eq!(tokenizer.encode(&text).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids), text);
        assert_eq!(stream(&tokenizer, &ids), text);
    }
}

fn stream(tokenizer: &Tokenizer, ids: &[u32]) -> String {
    let mut decoder = StreamDecoder::new();
    let mut text: String =
        ids.iter().map(|id| decoder.push(&tokenizer.token_bytes(*id).unwrap())).collect();
    text.push_str(&decoder.finish());
    text
}

#[test]
fn smollm2_equals_the_reference() {
    equals_reference(SMOLLM, "tok_ref_smollm2.json");
}

#[test]
fn qwen2_equals_the_reference() {
    equals_reference(QWEN, "tok_ref_qwen2.5-coder.json");
}

#[test]
fn smollm2_knows_its_special_tokens() {
    let Some(tokenizer) = real(SMOLLM) else { return };
    assert_eq!(tokenizer.vocab_size(), 49152);
    assert_eq!(tokenizer.bos(), Some(1));
    assert_eq!(tokenizer.eos(), [0, 2]);
    assert!(!tokenizer.add_bos());
    assert_eq!(tokenizer.token_id("<|im_end|>"), Some(2));
    assert!(tokenizer.is_special(2));
    let ids = tokenizer.encode("<|im_start|>user\nhi<|im_end|>").unwrap();
    assert_eq!((ids[0], ids[ids.len() - 1]), (1, 2));
    assert_eq!(tokenizer.decode(&ids), "<|im_start|>user\nhi<|im_end|>");
    assert_eq!(tokenizer.decode_text(&ids), "user\nhi");
    assert_eq!(tokenizer.token_bytes(49152), None);
}

#[test]
fn qwen2_knows_its_special_tokens() {
    let Some(tokenizer) = real(QWEN) else { return };
    assert_eq!(tokenizer.vocab_size(), 151_936);
    assert_eq!(tokenizer.bos(), Some(151_643));
    assert_eq!(tokenizer.eos(), [151_643, 151_645]);
    assert!(!tokenizer.add_bos());
}

#[test]
fn any_text_survives_encoding() {
    for model in [SMOLLM, QWEN] {
        let Some(tokenizer) = real(model) else { continue };
        // Qwen's tokenizer composes characters first, so only composed text comes back.
        let runner = &mut proptest::test_runner::TestRunner::deterministic();
        let text = "([ -~\n\téß漢字カ🙂👩‍🚀\u{200b}\u{fffd}]|<\\|im_end\\|>){0,40}";
        let outcome = runner.run(&text, |text| {
            let ids = tokenizer.encode(&text).unwrap();
            prop_assert_eq!(&tokenizer.decode(&ids), &text);
            prop_assert_eq!(&stream(&tokenizer, &ids), &text);
            Ok(())
        });
        outcome.unwrap();
    }
}

/// A byte-pair vocabulary with all bytes, one merge, a control and a user-defined token.
fn tiny() -> GgufBytes {
    let mut tokens: Vec<String> = (0x21..=0x7e)
        .chain(0xa1..=0xac)
        .chain(0xae..=0xff)
        .chain(0x100..=0x143)
        .filter_map(char::from_u32)
        .map(String::from)
        .collect();
    tokens.extend(["ab", "<|im_end|>", "<tool>"].map(String::from));
    let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
    let mut types = vec![1; tokens.len()];
    types[257..].copy_from_slice(&[3, 4]);
    GgufBytes::default()
        .text("tokenizer.ggml.model", "gpt2")
        .texts("tokenizer.ggml.tokens", &tokens)
        .texts("tokenizer.ggml.merges", &["a b"])
        .i32s("tokenizer.ggml.token_type", &types)
}

fn load(bytes: &GgufBytes) -> Result<Tokenizer, LoadError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("t.gguf");
    fs::write(&path, bytes.bytes()).unwrap();
    Tokenizer::from_gguf(&GgufFile::open(path).unwrap())
}

#[test]
fn a_tiny_vocabulary_is_rebuilt() {
    let tokenizer = load(&tiny().text("tokenizer.ggml.pre", "gpt-2")).unwrap();
    assert_eq!(tokenizer.vocab_size(), 259);
    assert_eq!(tokenizer.eos(), [257]);
    assert_eq!(tokenizer.encode("ab<tool><|im_end|>").unwrap(), [256, 258, 257]);
    assert_eq!(tokenizer.decode_text(&[256, 258, 257, 9999]), "ab<tool>");
    let text = "Zażółć 🙂\r\n\0";
    assert_eq!(tokenizer.decode(&tokenizer.encode(text).unwrap()), text);
}

#[test]
fn llama_3_begins_texts_with_a_token() {
    let pre = tiny().text("tokenizer.ggml.pre", "llama-bpe");
    assert!(!load(&pre).unwrap().add_bos());
    let pre = pre.u32("tokenizer.ggml.bos_token_id", 5);
    assert!(load(&pre).unwrap().add_bos());
    assert!(!load(&pre.key("tokenizer.ggml.add_bos_token", 7, &[0])).unwrap().add_bos());
}

#[test]
fn broken_vocabularies_say_what_is_wrong() {
    let message = |bytes: GgufBytes| load(&bytes).unwrap_err().to_string();
    let empty = GgufBytes::default;
    assert!(message(empty()).contains("`tokenizer.ggml.model` is missing"));
    assert!(message(empty().text("tokenizer.ggml.model", "llama")).contains("tokenizer.json"));
    assert!(message(tiny().text("tokenizer.ggml.pre", "xyz")).contains("`xyz`"));
    let pre = |bytes: GgufBytes| bytes.text("tokenizer.ggml.pre", "gpt-2");
    assert!(message(tiny()).contains("`tokenizer.ggml.pre` is missing"));
    let eos = pre(tiny()).u32("tokenizer.ggml.eos_token_id", 999);
    assert!(message(eos).contains("special token 999"));
    let gpt2 = || pre(empty().text("tokenizer.ggml.model", "gpt2"));
    let with = |merge: &str, types: &[i32]| {
        gpt2()
            .texts("tokenizer.ggml.tokens", &["a", "b"])
            .texts("tokenizer.ggml.merges", &[merge])
            .i32s("tokenizer.ggml.token_type", types)
    };
    assert!(message(with("ab", &[1, 1])).contains("merge `ab`"));
    assert!(message(with("a b", &[1, 1])).contains("needs the token `ab`"));
    assert!(message(with("a c", &[1, 1])).contains("needs the token `c`"));
    assert!(message(with("a b", &[1])).contains("2 elements"));
}

/// A SentencePiece-like `tokenizer.json` with byte fallback.
const SENTENCE_PIECE: &str = r#"{"version":"1.0","truncation":{"direction":"Right","max_length":1,
    "strategy":"LongestFirst","stride":0},"padding":null,
    "added_tokens":[{"id":1,"content":"<s>","single_word":false,"lstrip":false,"rstrip":false,
      "normalized":false,"special":true}],
    "normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},
      {"type":"Replace","pattern":{"String":" "},"content":"▁"}]},
    "pre_tokenizer":null,
    "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},
      {"Sequence":{"id":"A","type_id":0}}],"pair":[],
      "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}},
    "decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},
      {"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]},
    "model":{"type":"BPE","dropout":null,"unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,
      "vocab":{"<unk>":0,"<s>":1,"▁":2,"h":3,"i":4,"▁h":5,"<0xC3>":6,"<0xA9>":7,"</s>":9},
      "merges":["▁ h"]}}"#;

fn directory(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

#[test]
fn a_tokenizer_file_takes_special_tokens_from_its_neighbours() {
    let dir = directory(&[
        ("tokenizer.json", SENTENCE_PIECE),
        ("tokenizer_config.json", r#"{"bos_token":{"content":"<s>"},"eos_token":"</s>"}"#),
        ("generation_config.json", r#"{"eos_token_id":[9,4]}"#),
        ("config.json", r#"{"bos_token_id":7,"eos_token_id":9}"#),
    ]);
    let tokenizer = Tokenizer::from_file(dir.path().join("tokenizer.json")).unwrap();
    assert_eq!(tokenizer.vocab_size(), 10);
    assert_eq!((tokenizer.bos(), tokenizer.eos()), (Some(1), &[4, 9][..]));
    assert!(tokenizer.add_bos());
    let ids = tokenizer.encode("hi hé").unwrap();
    assert_eq!(ids, [5, 4, 5, 6, 7]);
    assert_eq!(tokenizer.decode(&ids), "hi hé");
    assert_eq!(stream(&tokenizer, &ids), " hi hé");
    assert_eq!(tokenizer.token_bytes(6), Some(vec![0xc3]));
}

#[test]
fn broken_tokenizer_files_are_errors() {
    let load = |files: &[(&str, &str)]| {
        Tokenizer::from_file(directory(files).path().join("tokenizer.json")).unwrap_err()
    };
    assert!(matches!(load(&[]), LoadError::Io { path: _, source: _ }));
    assert!(matches!(
        load(&[("tokenizer.json", "{}")]),
        LoadError::Tokenizer { path: _, reason: _ }
    ));
    let wrong = [("tokenizer.json", SENTENCE_PIECE), ("config.json", r#"{"eos_token_id":"x"}"#)];
    assert!(load(&wrong).to_string().contains("`eos_token_id` must be a token id"));
    let merge = SENTENCE_PIECE.replace("▁ h", "<0xC3> <0xA9>");
    assert!(load(&[("tokenizer.json", &merge)]).to_string().contains("contradicts itself"));
    let no_unk = SENTENCE_PIECE.replace(r#""unk_token":"<unk>""#, r#""unk_token":"<no>""#);
    let error = load(&[("tokenizer.json", &no_unk)]);
    assert!(matches!(error, LoadError::Tokenizer { path: _, reason: _ }), "{error}");
}

#[derive(serde::Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
    ids_with_special: Vec<u32>,
    decoded: String,
    decoded_skip_special: String,
}

#[derive(serde::Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[test]
fn tiny_models_equal_the_reference_from_either_format() {
    for (name, bos, eos) in [
        ("llama", Some(1), &[0, 2][..]),
        ("llama3", Some(0), &[2]), // `<|endoftext|>` ends an answer although the configuration does not say so.
        ("qwen2", None, &[277, 279]),
    ] {
        let Some(dir) = files::fixture(name) else { continue };
        let Some(gguf) = files::fixture(&format!("tiny-{name}.gguf")) else { continue };
        let gguf = Tokenizer::from_gguf(&GgufFile::open(gguf).unwrap()).unwrap();
        let json = Tokenizer::from_file(dir.join("tokenizer.json")).unwrap();
        let cases = fs::read(dir.join("tokens.json")).unwrap();
        let Cases { cases } = serde_json::from_slice(&cases).unwrap();
        assert!(!cases.is_empty());
        for tokenizer in [&gguf, &json] {
            assert_eq!((tokenizer.bos(), tokenizer.eos()), (bos, eos), "{name}");
            for case in &cases {
                assert_eq!(tokenizer.encode(&case.text).unwrap(), case.ids, "{name}");
                assert_eq!(tokenizer.decode(&case.ids), case.decoded, "{name}");
                assert_eq!(tokenizer.decode_text(&case.ids), case.decoded_skip_special, "{name}");
            }
            let adds = cases.iter().any(|case| case.ids_with_special != case.ids);
            assert_eq!(tokenizer.add_bos(), adds, "{name}");
        }
    }
}
