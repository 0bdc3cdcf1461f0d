//! The named character classes of ECMA-262.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange, HirKind};

/// Values of `General_Category` that `\p{…}` takes without a property name, short and long.
const CATEGORIES: &str = "Cased_Letter LC Close_Punctuation Pe Connector_Punctuation Pc Control Cc cntrl \
    Currency_Symbol Sc Dash_Punctuation Pd Decimal_Number Nd digit Enclosing_Mark Me Final_Punctuation Pf \
    Format Cf Initial_Punctuation Pi Letter L Letter_Number Nl Line_Separator Zl Lowercase_Letter Ll Mark M \
    Combining_Mark Math_Symbol Sm Modifier_Letter Lm Modifier_Symbol Sk Nonspacing_Mark Mn Number N \
    Open_Punctuation Ps Other C Other_Letter Lo Other_Number No Other_Punctuation Po Other_Symbol So \
    Paragraph_Separator Zp Private_Use Co Punctuation P punct Separator Z Space_Separator Zs Spacing_Mark Mc \
    Surrogate Cs Symbol S Titlecase_Letter Lt Unassigned Cn Uppercase_Letter Lu";

/// Binary properties that `\p{…}` takes, long and short.
const BINARY: &str = "ASCII ASCII_Hex_Digit AHex Alphabetic Alpha Any Assigned Bidi_Control Bidi_C \
    Bidi_Mirrored Bidi_M Case_Ignorable CI Cased Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM \
    Changes_When_Lowercased CWL Changes_When_NFKC_Casefolded CWKCF Changes_When_Titlecased CWT \
    Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji \
    Emoji_Component EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres \
    Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext Hex_Digit Hex \
    IDS_Binary_Operator IDSB IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Ideo \
    Join_Control Join_C Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar \
    Pattern_Syntax Pat_Syn Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI \
    Sentence_Terminal STerm Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper \
    Variation_Selector VS White_Space space XID_Continue XIDC XID_Start XIDS";

fn ranges(list: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(list.iter().map(|(from, to)| ClassUnicodeRange::new(*from, *to)))
}

pub(super) fn digits() -> ClassUnicode {
    ranges(&[('0', '9')])
}

pub(super) fn words() -> ClassUnicode {
    ranges(&[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')])
}

/// `WhiteSpace` and `LineTerminator`.
pub(super) fn spaces() -> ClassUnicode {
    ranges(&[
        ('\t', '\r'),
        (' ', ' '),
        ('\u{a0}', '\u{a0}'),
        ('\u{1680}', '\u{1680}'),
        ('\u{2000}', '\u{200a}'),
        ('\u{2028}', '\u{2029}'),
        ('\u{202f}', '\u{202f}'),
        ('\u{205f}', '\u{205f}'),
        ('\u{3000}', '\u{3000}'),
        ('\u{feff}', '\u{feff}'),
    ])
}

/// The class `.`.
pub(super) fn not_line_ends() -> ClassUnicode {
    negated(ranges(&[('\n', '\n'), ('\r', '\r'), ('\u{2028}', '\u{2029}')]))
}

pub(super) fn negated(mut class: ClassUnicode) -> ClassUnicode {
    class.negate();
    class
}

/// The class `\p{text}`; `None` for an unknown property.
pub(super) fn property(text: &str) -> Option<ClassUnicode> {
    let listed = |list: &str, name: &str| list.split(' ').any(|known| known == name);
    let asked = match text.split_once('=') {
        None if listed(CATEGORIES, text) || listed(BINARY, text) => text.to_owned(),
        Some(("General_Category" | "gc", value)) if listed(CATEGORIES, value) => format!("gc={value}"),
        Some(("Script" | "sc", value)) if is_name(value) => format!("sc={value}"),
        Some(("Script_Extensions" | "scx", value)) if is_name(value) => format!("scx={value}"),
        _ => return None,
    };
    if listed("Surrogate Cs", asked.trim_start_matches("gc=")) {
        // A Rust string contains no surrogate.
        return Some(ClassUnicode::empty());
    }
    let hir = regex_syntax::Parser::new().parse(&format!("\\p{{{asked}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => Some(class),
        HirKind::Literal(literal) => {
            let mut text = std::str::from_utf8(&literal.0).ok()?.chars();
            let only = text.next()?;
            text.next().is_none().then(|| ranges(&[(only, only)]))
        }
        _ => None,
    }
}

/// Whether the text has the form of a script name: `Greek`, `Old_Italic`, `SignWriting`.
fn is_name(text: &str) -> bool {
    text.split('_').all(|word| {
        let mut letters = word.chars();
        letters.next().is_some_and(|first| first.is_ascii_uppercase())
            && (letters.all(|letter| letter.is_ascii_lowercase()) || word == "SignWriting")
    })
}

/// Adds a range of code points, without surrogates.
pub(super) fn add_range(all: &mut ClassUnicode, from: u32, to: u32) {
    let from = char::from_u32(from).or_else(|| (from <= 0xdfff).then_some('\u{e000}'));
    let to = char::from_u32(to).or_else(|| (to >= 0xd800).then_some('\u{d7ff}'));
    if let (Some(from), Some(to)) = (from, to)
        && from <= to
    {
        all.push(ClassUnicodeRange::new(from, to));
    }
}
