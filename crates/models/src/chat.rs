//! A chat template: the rule by which a model wants a conversation written as one text.
//!
//! # Source
//! [Chat templates](https://huggingface.co/docs/transformers/chat_templating) of Hugging Face
//! transformers: Jinja with `trim_blocks` and `lstrip_blocks`.

use std::collections::BTreeMap;
use std::path::Path;

use espalier_core::{ChatFormat, ModelError, Turn};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value};

use crate::chat_functions::{Date, raise_exception, tojson};
use crate::error::LoadError;
use crate::gguf::GgufFile;
use crate::json_file::JsonFile;
use crate::tokenizer::Tokenizer;

/// The template's name in its own error messages.
const NAME: &str = "chat template";
/// Key of the template in a GGUF file.
const GGUF_KEY: &str = "tokenizer.chat_template";

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A turn of a conversation.
    #[must_use]
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }
}

/// A compiled chat template.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// Compiles a template's Jinja source; `bos` and `eos` are the texts of the tokens which it may
    /// write, empty if the model has none.
    ///
    /// # Errors
    /// [`LoadError::Template`] if the source does not parse.
    pub fn new(source: &str, bos: &str, eos: &str) -> Result<Self, LoadError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(syntax.map_err(|e| wrong(&e))?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", raise_exception);
        environment.add_filter("tojson", tojson);
        environment.add_template_owned(NAME, without_marks(source)).map_err(|e| wrong(&e))?;
        Ok(Self { environment, bos: bos.to_owned(), eos: eos.to_owned() })
    }

    /// Compiles the template of a GGUF file; `None` if it has none, as base models do.
    ///
    /// # Errors
    /// [`LoadError::Template`] if it does not parse, [`LoadError::Config`] if it is not a string.
    pub fn from_gguf(file: &GgufFile, tokenizer: &Tokenizer) -> Result<Option<Self>, LoadError> {
        let Some(source) = file.optional::<&str>(GGUF_KEY)? else { return Ok(None) };
        let text = |id: Option<u32>| id.and_then(|id| tokenizer.token(id)).unwrap_or_default();
        let eos = file.optional("tokenizer.ggml.eos_token_id")?;
        Self::new(source, &text(tokenizer.bos()), &text(eos)).map(Some)
    }

    /// Compiles the template of a Hugging Face directory; `None` if it has none, as base models do.
    ///
    /// It is `chat_template.jinja`, or `chat_template` in `tokenizer_config.json`: a template or a
    /// list of named ones, of which `default` is taken.
    ///
    /// # Errors
    /// [`LoadError::Template`] if it does not parse, [`LoadError::Io`] or [`LoadError::NotAModel`]
    /// if a file cannot be read, [`LoadError::Config`] if a value is of the wrong type.
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Option<Self>, LoadError> {
        let dir = dir.as_ref();
        let config = JsonFile::open_optional(&dir.join("tokenizer_config.json"))?;
        let path = dir.join("chat_template.jinja");
        let source = if path.exists() {
            Some(std::fs::read_to_string(&path).map_err(|e| LoadError::io(&path, e))?)
        } else {
            config.as_ref().map(configured).transpose()?.flatten()
        };
        let Some(source) = source else { return Ok(None) };
        let token = |key: &str| match &config {
            Some(config) => config.token(key).map(Option::unwrap_or_default),
            None => Ok(""),
        };
        Self::new(&source, token("bos_token")?, token("eos_token")?).map(Some)
    }

    /// Tells the template which day it is.
    ///
    /// Templates that ask for it without having been told fall back to a date of their own, or
    /// fail to render.
    #[must_use]
    pub fn with_date(mut self, date: Date) -> Self {
        self.environment.add_function("strftime_now", move |format: &str| date.format(format));
        self
    }

    /// The text of the token that ends a turn; empty where the model names none.
    #[must_use]
    pub fn eos(&self) -> &str {
        &self.eos
    }

    /// Writes a conversation as one text, with `add_generation_prompt` up to where the assistant
    /// speaks next.
    ///
    /// # Errors
    /// [`LoadError::Template`] if the template refuses the conversation, e.g. because it knows no
    /// system turn, or uses what is not implemented.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, LoadError> {
        let turn = |message: &Message| {
            BTreeMap::from([
                ("role", Value::from(&message.role)),
                ("content", Value::from(&message.content)),
            ])
        };
        let messages: Vec<Value> = messages.iter().map(|m| Value::from(turn(m))).collect();
        let context = BTreeMap::from([
            ("messages", Value::from(messages)),
            ("add_generation_prompt", Value::from(add_generation_prompt)),
            ("bos_token", Value::from(&self.bos)),
            ("eos_token", Value::from(&self.eos)),
        ]);
        let template = self.environment.get_template(NAME).map_err(|e| wrong(&e))?;
        template.render(Value::from(context)).map_err(|e| wrong(&e))
    }
}

impl ChatFormat for ChatTemplate {
    fn write(&self, turns: &[Turn]) -> Result<String, ModelError> {
        let messages: Vec<Message> = turns
            .iter()
            .map(|turn| Message::new(turn.role.name(), turn.content.as_str()))
            .collect();
        self.render(&messages, false).map_err(|source| ModelError::Failed {
            operation: "write a conversation".to_owned(),
            source: Box::new(source),
        })
    }
}

/// The template in `tokenizer_config.json`.
fn configured(config: &JsonFile) -> Result<Option<String>, LoadError> {
    let key = "chat_template";
    let Some(value) = config.get(key) else { return Ok(None) };
    let named = || {
        let templates = value.as_array()?;
        let default = templates.iter().find(|template| template["name"] == "default")?;
        default["template"].as_str()
    };
    match value.as_str().or_else(named) {
        Some(source) => Ok(Some(source.to_owned())),
        None => Err(config.wrong(key, "must be a template or a list with one named `default`")),
    }
}

/// Replaces `{% generation %}`, which marks the assistant's words for training, by a block without
/// effect.
fn without_marks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, tag)) = rest.split_once("{%") {
        let Some((inner, after)) = tag.split_once("%}") else { break };
        let word = inner.trim_matches(['-', '+']).trim();
        let inner = match word {
            "generation" => inner.replace("generation", "if true"),
            "endgeneration" => inner.replace("endgeneration", "endif"),
            _ => {
                // The tag may hold a string with `{%` in it: go on right behind its beginning.
                out.extend([before, "{%"]);
                rest = tag;
                continue;
            }
        };
        out.extend([before, "{%", &inner, "%}"]);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn wrong(error: &minijinja::Error) -> LoadError {
    LoadError::Template { reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> String {
        let template = ChatTemplate::new(source, "<s>", "</s>").unwrap();
        template.render(&[Message::new("user", "Hi 'you' <b>")], true).unwrap()
    }

    #[test]
    fn blocks_are_trimmed_as_transformers_does() {
        let source =
            "{{ bos_token }}\n  {% for m in messages %}\n{{ m.role }}|\n  {% endfor %}\nend\n";
        assert_eq!(render(source), "<s>\nuser|\nend");
    }

    #[test]
    fn json_is_written_as_python_does() {
        let expected = r#"{"content": "Hi 'you' <b>", "role": "user"} \u003c "#;
        assert_eq!(render(r"{{ messages[0] | tojson }} \u003c "), expected);
    }

    #[test]
    fn python_methods_work() {
        let source = "{{ messages[0].content.split(' ')[-1].strip('<').upper() }}";
        assert_eq!(render(source), "B>");
    }

    #[test]
    fn training_marks_have_no_effect() {
        let source = "a{%- generation -%} b {%- endgeneration %}\nc{{ '{% x' }}{{ '%}' }}";
        assert_eq!(render(source), "abc{% x%}");
    }

    #[test]
    fn a_refused_conversation_says_why() {
        let template = ChatTemplate::new("{{ raise_exception('no system') }}", "", "").unwrap();
        let error = template.render(&[], false).unwrap_err().to_string();
        assert!(error.contains("no system"), "{error}");
    }

    #[test]
    fn a_broken_template_is_an_error() {
        assert!(matches!(
            ChatTemplate::new("{% for %}", "", ""),
            Err(LoadError::Template { reason: _ })
        ));
    }

    #[test]
    fn the_date_is_only_known_when_told() {
        let source =
            "{% if strftime_now is defined %}{{ strftime_now('%d %b %Y') }}{% else %}?{% endif %}";
        let template = ChatTemplate::new(source, "", "").unwrap();
        assert_eq!(template.render(&[], false).unwrap(), "?");
        let date = Date::new(2024, 7, 6).unwrap();
        assert_eq!(template.with_date(date).render(&[], false).unwrap(), "06 Jul 2024");
    }
}
