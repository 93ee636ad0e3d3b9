fn main() {
    println!(
        "{}",
        serde_json::to_string_pretty(&conformd::domain::manifest::schema::schema()).unwrap()
    );
}
