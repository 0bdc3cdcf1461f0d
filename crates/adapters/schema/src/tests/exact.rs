//! Exact numbers, and patterns of ECMA-262.

use super::{check, check_refused, violations};

#[tokio::test]
async fn every_number_is_compared_as_it_is_written() {
    for (schema, good, bad) in [
        ("{\"const\":18446744073709551616}", "1.8446744073709551616e19", "18446744073709551617"),
        (
            "{\"const\":[{\"a\":18446744073709551616}]}",
            "[{\"a\":18446744073709551616.0}]",
            "[{\"a\":18446744073709551617}]",
        ),
        ("{\"enum\":[0.1,1e400]}", "10e399", "0.10000000000000001"),
        ("{\"type\":\"integer\"}", "9007199254740993.0", "9007199254740993.5"),
        ("{\"type\":\"integer\"}", "1e400", "1e-400"),
        ("{\"maximum\":100}", "100.000", "100.000000000000001"),
        ("{\"maximum\":1e400}", "1e400", "1.0000000000000000001e400"),
        ("{\"minimum\":-1e400}", "-1e400", "-1e401"),
        ("{\"exclusiveMaximum\":0.3}", "0.29999999999999999999", "0.3"),
        ("{\"exclusiveMinimum\":18446744073709551615}", "18446744073709551615.1", "18446744073709551615"),
        ("{\"minimum\":1e-400}", "1e-400", "0"),
        ("{\"multipleOf\":0.01}", "19.99", "19.999"),
        ("{\"multipleOf\":0.01}", "1e300", "1e-3"),
        ("{\"multipleOf\":1e-400}", "3e-400", "1e-401"),
        ("{\"multipleOf\":3}", "18446744073709551615", "18446744073709551616"),
        ("{\"uniqueItems\":true}", "[18446744073709551616,18446744073709551617]", "[1,1.0]"),
        ("{\"uniqueItems\":true}", "[0.1,0.10000000000000000001]", "[0,-0.0]"),
        (
            "{\"uniqueItems\":true}",
            "[{\"a\":1e400},{\"a\":1e401}]",
            "[{\"a\":1,\"b\":2},{\"b\":2.0,\"a\":1e0}]",
        ),
        ("{\"const\":0}", "-0", "1e-999"),
        ("{\"maximum\":18446744073709551614}", "18446744073709551614", "18446744073709551615"),
        ("{\"minLength\":2.0}", "\"ab\"", "\"a\""),
    ] {
        check(schema, good, true).await;
        check(schema, bad, false).await;
    }
    let draft = "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"type\":\"integer\",\"maximum\":5,\"exclusiveMaximum\":true}";
    check(draft, "4", true).await;
    check(draft, "4.0", false).await;
    check(draft, "5", false).await;
}

#[tokio::test]
async fn numbers_beyond_the_bound_are_refused() {
    let (long, tall) = ("1".repeat(1001), "{\"a\":[0,1e1001]}");
    for (document, pointer) in [(long.as_str(), ""), (tall, "/a/1"), ("-1E-99999999999", "")] {
        let found = violations("true", document).await;
        assert_eq!((found.len(), found[0].pointer.as_str()), (1, pointer), "{found:?}");
        assert_eq!(found[0].keyword, "number");
        assert!(found[0].message.contains("1000 digits"), "{found:?}");
    }
    check_refused("{\"properties\":{\"a\":{\"maximum\":1e1001}}}", "", "at /properties/a/maximum").await;
    check_refused("{\"minLength\":1.00000000000000000001}", "/minLength", "whole number").await;
    check("{\"multipleOf\":1e-1000}", "1e1000", true).await;
}

#[tokio::test]
async fn patterns_are_those_of_ecma() {
    for pattern in ["\\\\z", "(?i)a", "a++", "(?P<n>a)", "\\\\A", "\\\\p{Greek}", "(?x) a"] {
        let schema = format!("{{\"pattern\":\"{pattern}\"}}");
        check_refused(&schema, "/pattern", "is not a regular expression of ECMA-262").await;
    }
    let named = "{\"patternProperties\":{\"a++\":true}}";
    check_refused(named, "/patternProperties/a++", "ECMA-262").await;
    check("{\"pattern\":\"^.$\"}", "\"\\r\"", false).await;
    check("{\"pattern\":\"^.$\"}", "\"\\u2028\"", false).await;
    check("{\"pattern\":\"^[\\\\b]$\"}", "\"\\b\"", true).await;
    check("{\"pattern\":\"[]\"}", "\"a\"", false).await;
    check("{\"pattern\":\"^[^]$\"}", "\"\\n\"", true).await;
    check("{\"format\":\"regex\"}", "\"(?=a)\\\\1(b)\"", true).await;
    check("{\"format\":\"regex\"}", "\"a++\"", false).await;
}
