//! `espalier model`: what the runtime sees of a model.

use std::{
    fmt::Write as _,
    io::{BufRead, IsTerminal, Write},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use espalier_core::{
    Finish, Policy, Read, Request, Sampling, Seed, Stops, Tokens, Until, Want, collect,
};
use espalier_models::{
    ChatTemplate, Checkpoint, DeviceChoice, EngineOptions, LocalPolicy, LocalReader, Message,
    ModelInfo, load, share,
};
use serde_json::{Value, json};

use super::{failure::Failure, hub, rounding::rounding, throughput::measure};
use crate::args::{GenerateArgs, LogitsArgs, ModelArgs, ModelCommand, TextArgs, ThroughputArgs};

/// Carries `espalier model` out.
pub(super) fn model(command: &ModelCommand) -> Result<(), Failure> {
    match command {
        ModelCommand::Inspect(args) => inspect(args),
        ModelCommand::Tokenize(args) => tokenize(args),
        ModelCommand::Logits(args) => logits(args),
        ModelCommand::Generate(args) => generate(args),
        ModelCommand::Score(args) => score(args),
        ModelCommand::Throughput(args) => throughput(args),
        ModelCommand::Rounding(args) => rounding(args),
    }
}

/// Measures each length of prefix with each count of branches.
fn throughput(args: &ThroughputArgs) -> Result<(), Failure> {
    let mut open = Open::new(&args.model)?;
    let (tokens, context) = (args.tokens.get(), open.info.config.context);
    for prefix in args.prefix.iter().map(|prefix| prefix.get()) {
        if prefix as usize + tokens as usize > context {
            return Err(Failure::BadInput(anyhow!(
                "`--prefix {prefix}` and `--tokens {tokens}` do not fit the model's context of {context} \
                 tokens: give fewer"
            )));
        }
    }
    for prefix in args.prefix.iter().map(|prefix| prefix.get()) {
        for branches in args.branches.iter().map(|branches| branches.get()) {
            let (vocab, work) = (open.info.config.vocab, (prefix, branches, tokens));
            let one = measure(&mut open.policy, vocab, work, args.repeats.get())?;
            let text = format!(
                "{branches} branches, {prefix}-token prefix: prefill {:.1} tokens/s, decode {:.1}",
                one.prefill, one.decode
            );
            print(args.model.json, &json!(one), &text)?;
        }
    }
    Ok(())
}

/// A loaded model.
struct Open {
    policy: LocalPolicy,
    reader: LocalReader,
    chat: Option<ChatTemplate>,
    info: ModelInfo,
}

impl Open {
    fn new(args: &ModelArgs) -> Result<Self, Failure> {
        let device: DeviceChoice = args.device.parse().map_err(Failure::bad)?;
        let path = hub::resolve(&args.model)?;
        let options =
            EngineOptions { kernels: args.kernels, kv: args.kv, ..EngineOptions::default() };
        let model = load(&path, device, options).map_err(Failure::bad)?;
        let (policy, reader) = share(model.engine);
        Ok(Self { policy, reader, chat: model.chat, info: model.info })
    }

    /// The ids of a text, put as a user's message where wanted.
    fn ids(&self, args: &TextArgs, text: &str) -> Result<Tokens, Failure> {
        let text = conversation(args, self.chat.as_ref(), text)?;
        let ids = if args.chat { self.policy.encode(&text) } else { self.policy.prompt(&text) };
        let ids = ids.map_err(Failure::bad)?;
        if ids.is_empty() {
            return Err(Failure::BadInput(anyhow!("the text has no tokens; give one that has")));
        }
        Ok(ids)
    }
}

fn conversation(
    args: &TextArgs,
    chat: Option<&ChatTemplate>,
    text: &str,
) -> Result<String, Failure> {
    if !args.chat {
        return Ok(text.to_owned());
    }
    let none = || Failure::BadInput(anyhow!("the model has no chat template; leave `--chat` out"));
    let turns = [Message::new("user", text)];
    chat.ok_or_else(none)?.render(&turns, true).map_err(Failure::bad)
}

/// The texts to look at: `--text`, or one JSON string a line of standard input.
fn texts(args: &TextArgs) -> Result<Vec<String>, Failure> {
    if let Some(text) = &args.text {
        return Ok(vec![text.clone()]);
    }
    lines("give `--text`, or JSON strings on standard input, one a line")
}

/// The JSON strings on standard input; `hint` is said where it is a terminal.
pub(super) fn lines(hint: &'static str) -> Result<Vec<String>, Failure> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::BadInput(anyhow!("{hint}")));
    }
    let mut texts = Vec::new();
    for (at, line) in stdin.lock().lines().enumerate() {
        let line = line.context("cannot read standard input").map_err(Failure::BadInput)?;
        if line.trim().is_empty() {
            continue;
        }
        let text = serde_json::from_str(&line)
            .with_context(|| format!("line {} of standard input is not a JSON string", at + 1));
        texts.push(text.map_err(Failure::BadInput)?);
    }
    Ok(texts)
}

/// Prints one result, as JSON or as text. A reader that has gone away is not an error.
pub(super) fn print(json: bool, value: &Value, text: &str) -> Result<(), Failure> {
    let line = if json { value.to_string() } else { text.to_owned() };
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn inspect(args: &ModelArgs) -> Result<(), Failure> {
    let path = hub::resolve(&args.model)?;
    let checkpoint = Checkpoint::open(&path).map_err(Failure::bad)?;
    let source = checkpoint.source.as_ref();
    let mut tensors = Vec::new();
    let mut text = String::new();
    let (mut values, mut bytes) = (0_u64, 0_u64);
    for name in source.names() {
        let Some(info) = source.info(&name) else { continue };
        values += info.values() as u64;
        bytes += info.bytes;
        let _ = write!(text, "\n{name} {:?} {}", info.shape, info.dtype);
        tensors.push(json!({ "name": name, "shape": info.shape, "dtype": info.dtype }));
    }
    let tokenizer = &checkpoint.tokenizer;
    let value = json!({
        "architecture": checkpoint.config.architecture.name(),
        "config": checkpoint.config,
        "parameters": values,
        "stored_bytes": bytes,
        "tokenizer": {
            "vocab_size": tokenizer.vocab_size(),
            "bos": tokenizer.bos(),
            "eos": tokenizer.eos(),
            "add_bos": tokenizer.add_bos(),
        },
        "chat_template": checkpoint.chat.is_some(),
        "tensors": tensors,
    });
    let config = serde_json::to_string_pretty(&checkpoint.config)?;
    let head = format!("{values} parameters in {bytes} bytes, {config}");
    print(args.json, &value, &format!("{head}\ntensors:{text}"))
}

fn tokenize(args: &TextArgs) -> Result<(), Failure> {
    let path = hub::resolve(&args.model.model)?;
    let checkpoint = Checkpoint::open(&path).map_err(Failure::bad)?;
    for text in texts(args)? {
        let text = conversation(args, checkpoint.chat.as_ref(), &text)?;
        let ids = checkpoint.tokenizer.encode(&text).map_err(Failure::bad)?;
        let tokens: Vec<String> =
            ids.iter().map(|id| checkpoint.tokenizer.decode(std::slice::from_ref(id))).collect();
        let lines: Vec<String> =
            ids.iter().zip(&tokens).map(|(id, token)| format!("{id:>8}  {token:?}")).collect();
        print(args.model.json, &json!({ "ids": ids, "tokens": tokens }), &lines.join("\n"))?;
    }
    Ok(())
}

fn logits(args: &LogitsArgs) -> Result<(), Failure> {
    let texts = texts(&args.text)?;
    let mut open = Open::new(&args.text.model)?;
    for text in texts {
        let ids = open.ids(&args.text, &text)?;
        let positions = (0..ids.len() as u32).collect();
        let read = Read { tokens: Arc::clone(&ids), want: Want::Next { positions }, retain: false };
        let reading = collect(&mut open.reader, [read]).remove(0).map_err(Failure::bad)?;
        let count = args.top.map_or(10, |top| top.get() as usize);
        let top: Vec<Vec<(u32, f32)>> = reading
            .values
            .iter()
            .map(|row| {
                let ids = espalier_models::distribution::top(row, count);
                ids.into_iter().map(|id| (id, row[id as usize])).collect()
            })
            .collect();
        let value = match args.top {
            Some(_) => json!({ "ids": &ids[..], "top": top }),
            None => json!({ "ids": &ids[..], "logprobs": reading.values }),
        };
        let lines = ids.iter().zip(&top).map(|(id, top)| {
            let after = open.policy.decode(std::slice::from_ref(id));
            let best: Vec<String> = top
                .iter()
                .map(|(id, logprob)| format!("{:?} {logprob:.3}", open.policy.decode(&[*id])))
                .collect();
            format!("after {after:?}: {}", best.join(", "))
        });
        let lines: Vec<String> = lines.collect();
        print(args.text.model.json, &value, &lines.join("\n"))?;
    }
    Ok(())
}

fn generate(args: &GenerateArgs) -> Result<(), Failure> {
    let texts = texts(&args.text)?;
    let mut open = Open::new(&args.text.model)?;
    let ids: Vec<Tokens> =
        texts.iter().map(|text| open.ids(&args.text, text)).collect::<Result<_, _>>()?;
    let request = |(at, prefix): (usize, Tokens)| Request {
        prefix,
        until: Until::End,
        max_tokens: args.max_tokens.get(),
        stops: Arc::new(Stops::default()),
        sampling: Sampling::at(args.temperature),
        seed: Seed::run(args.seed).fold(at as u64),
        retain: false,
    };
    for done in collect(&mut open.policy, ids.into_iter().enumerate().map(request)) {
        let step = done.map_err(Failure::bad)?.step;
        let finish = match step.finish {
            Finish::Eos => "eos",
            Finish::Length | Finish::Step => "length",
        };
        let logprobs: Vec<f32> = step.stats.iter().map(|stat| stat.logprob).collect();
        let value = json!({
            "text": step.text, "ids": &step.tokens[..], "finish": finish, "logprobs": logprobs,
        });
        print(args.text.model.json, &value, &step.text)?;
    }
    Ok(())
}

fn score(args: &TextArgs) -> Result<(), Failure> {
    let texts = texts(args)?;
    let mut open = Open::new(&args.model)?;
    for text in texts {
        let ids = open.ids(args, &text)?;
        let read = Read { tokens: Arc::clone(&ids), want: Want::Tokens { from: 1 }, retain: false };
        let reading = collect(&mut open.reader, [read]).remove(0).map_err(Failure::bad)?;
        let logprobs: Vec<f32> = reading.values.iter().map(|row| row[0]).collect();
        let sum: f64 = logprobs.iter().map(|logprob| f64::from(*logprob)).sum();
        let value = json!({ "ids": &ids[..], "logprobs": logprobs, "logprob": sum });
        let text = format!("{sum:.4} nats over {} tokens after the first", logprobs.len());
        print(args.model.json, &value, &text)?;
    }
    Ok(())
}
