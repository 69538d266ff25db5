//! Chat templates: those of real models write what transformers writes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its data fails")]

mod files;

use std::fs;

use espalier_models::{ChatTemplate, Checkpoint, Date, GgufFile, LoadError, Message, Tokenizer};
use tempfile::TempDir;

fn real(model: &str) -> Option<ChatTemplate> {
    let file = GgufFile::open(files::model(model)?).unwrap();
    let tokenizer = Tokenizer::from_gguf(&file).unwrap();
    ChatTemplate::from_gguf(&file, &tokenizer).unwrap()
}

fn conversation() -> Vec<Message> {
    vec![
        Message::new("user", "What is 2 + 2?"),
        Message::new("assistant", "4"),
        Message::new("user", "<b>Why?</b>\n"),
    ]
}

const TURNS: &str = "<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n\
    <|im_start|>assistant\n4<|im_end|>\n\
    <|im_start|>user\n<b>Why?</b>\n<|im_end|>\n";

/// Checks a model that writes turns between `<|im_start|>` and `<|im_end|>`.
fn writes_turns(model: &str, default_system: &str) {
    let Some(template) = real(model) else { return };
    let mut messages = conversation();
    let system = format!("<|im_start|>system\n{default_system}<|im_end|>\n");
    assert_eq!(template.render(&messages, false).unwrap(), format!("{system}{TURNS}"));
    assert_eq!(
        template.render(&messages, true).unwrap(),
        format!("{system}{TURNS}<|im_start|>assistant\n")
    );
    messages.insert(0, Message::new("system", "Be brief."));
    let system = "<|im_start|>system\nBe brief.<|im_end|>\n";
    assert_eq!(template.render(&messages, false).unwrap(), format!("{system}{TURNS}"));
}

#[test]
fn smollm2_is_written_with_its_system_turn() {
    let system = "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
    writes_turns("SmolLM2-135M-Instruct.Q4_1.gguf", system);
}

#[test]
fn qwen2_is_written_with_its_system_turn() {
    let system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";
    writes_turns("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", system);
}

/// A published template, and what transformers' engine writes by it.
#[derive(serde::Deserialize)]
struct Family {
    name: String,
    sha256: String,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    turns: Vec<(String, String)>,
    text: Option<String>,
    refusal: Option<String>,
}

/// The templates lie in `templates/` beside the models; `fixtures/chat_families.py` says which they are.
#[test]
fn gemma_mistral_deepseek_llama_and_qwen_are_written_as_transformers_does() {
    let file = files::fixture("chat_families.json").expect("it is committed");
    let families: Vec<Family> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(families.len(), 9);
    for Family { name, sha256, cases } in families {
        let Some(file) = files::model(&format!("templates/{name}.jinja")) else { continue };
        let source = fs::read_to_string(file).unwrap();
        let template = ChatTemplate::new(&source, "<bos>", "<eos>").unwrap();
        let template = template.with_date(Date::new(2026, 11, 28).unwrap());
        for Case { turns, text, refusal } in cases {
            let turns: Vec<Message> =
                turns.into_iter().map(|(role, content)| Message::new(role, content)).collect();
            let about = format!("{name} of SHA-256 {sha256}: {turns:?}");
            match (template.render(&turns, true), text, refusal) {
                (Ok(written), Some(text), None) => assert_eq!(written, text, "{about}"),
                (Err(error), None, Some(why)) => {
                    assert!(error.to_string().contains(&why), "{about}: {error}");
                }
                (written, ..) => panic!("{about}: {written:?}"),
            }
        }
    }
}

#[test]
fn models_are_told_the_same_day_every_day() {
    let Some(model) = files::fixture("llama") else { return };
    let dir = TempDir::new().unwrap();
    for entry in fs::read_dir(model).unwrap().map(Result::unwrap) {
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    fs::write(dir.path().join("chat_template.jinja"), "{{ strftime_now('%d %b %Y') }}").unwrap();
    let chat = Checkpoint::open(dir.path()).unwrap().chat.unwrap();
    assert_eq!(chat.render(&[], true).unwrap(), "26 Jul 2024");
    let told = chat.with_date(Date::new(2026, 11, 28).unwrap());
    assert_eq!(told.render(&[], true).unwrap(), "28 Nov 2026");
}

#[test]
fn directories_have_templates_in_several_places() {
    let render = |files: &[(&str, &str)]| -> Result<Option<String>, LoadError> {
        let dir = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let template = ChatTemplate::from_dir(dir.path())?;
        template.map(|template| template.render(&[Message::new("user", "x")], false)).transpose()
    };
    let config = "tokenizer_config.json";
    assert_eq!(render(&[]).unwrap(), None);
    assert_eq!(render(&[(config, r#"{"chat_template":null}"#)]).unwrap(), None);
    let one = r#"{"bos_token":{"content":"<s>"},"eos_token":"</s>",
        "chat_template":"{{bos_token}}{{messages[0]['content']}}{{eos_token}}"}"#;
    assert_eq!(render(&[(config, one)]).unwrap().as_deref(), Some("<s>x</s>"));
    let several = r#"{"chat_template":[{"name":"tool_use","template":"t"},
        {"name":"default","template":"d"}]}"#;
    assert_eq!(render(&[(config, several)]).unwrap().as_deref(), Some("d"));
    let file = ("chat_template.jinja", "j{{ bos_token }}");
    assert_eq!(render(&[(config, one), file]).unwrap().as_deref(), Some("j<s>"));
    let wrong = render(&[(config, r#"{"chat_template":7}"#)]).unwrap_err().to_string();
    assert!(wrong.contains("`chat_template` must be a template"), "{wrong}");
}

/// What transformers wrote for one of the tiny models.
#[derive(serde::Deserialize)]
struct Reference {
    chat: Chat,
}

#[derive(serde::Deserialize)]
struct Chat {
    messages: Vec<Turn>,
    add_generation_prompt: bool,
    rendered: String,
}

#[derive(serde::Deserialize)]
struct Turn {
    role: String,
    content: String,
}

#[test]
fn tiny_models_equal_the_reference_from_either_format() {
    for name in ["llama", "llama3", "qwen2"] {
        let Some(dir) = files::fixture(name) else { continue };
        let Some(gguf) = files::fixture(&format!("tiny-{name}.gguf")) else { continue };
        let file = GgufFile::open(gguf).unwrap();
        let tokenizer = Tokenizer::from_gguf(&file).unwrap();
        let reference = fs::read(dir.join("tokens.json")).unwrap();
        let Reference { chat } = serde_json::from_slice(&reference).unwrap();
        let messages: Vec<Message> =
            chat.messages.iter().map(|turn| Message::new(&turn.role, &turn.content)).collect();
        for template in [ChatTemplate::from_dir(&dir), ChatTemplate::from_gguf(&file, &tokenizer)] {
            let text = template.unwrap().unwrap().render(&messages, chat.add_generation_prompt);
            assert_eq!(text.unwrap(), chat.rendered, "{name}");
        }
    }
}
