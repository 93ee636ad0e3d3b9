use conformd::domain::{snapshot::SourcePath, yaml};
fn show(node: &yaml::Node, indent: usize, text: &str) {
    let s = node.span;
    print!(
        "{:indent$}{}:{} {}..{} {:?} tag={:?} ",
        "",
        s.line,
        s.column,
        s.start,
        s.end,
        &text[s.start..s.end.min(text.len())],
        node.tag
    );
    match &node.value {
        yaml::Value::Scalar(v) => println!("{v:?}"),
        yaml::Value::Sequence(v) => {
            println!("seq");
            for n in v {
                show(n, indent + 2, text)
            }
        }
        yaml::Value::Mapping(m) => {
            println!("map flow={}", m.flow);
            for e in &m.entries {
                println!("{:indent$} key {:?} {:?}", "", e.key.text, e.key_span);
                show(&e.value, indent + 2, text)
            }
        }
    }
}
fn main() {
    let path = SourcePath::new("a.yaml").unwrap();
    for f in std::env::args().skip(1) {
        let bytes = std::fs::read(&f).unwrap();
        let text = yaml::decode(&path, &bytes);
        let Ok(text) = text else {
            println!("{}", text.unwrap_err());
            continue;
        };
        let start = std::time::Instant::now();
        let docs = yaml::read(&path, text);
        println!("{f}: {} bytes {:?}", text.len(), start.elapsed());
        for d in docs {
            println!("doc {:?}", d.span);
            for p in d.problems.iter().take(5) {
                println!("  {p}");
            }
            if text.len() < 2000 {
                if let Some(r) = &d.root {
                    show(r, 2, text)
                }
            }
        }
    }
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .find(|l| l.starts_with("VmHWM"))
            .unwrap()
    );
}
