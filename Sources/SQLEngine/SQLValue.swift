/// A value bound to a statement's `$1`, `$2`, ….
package enum SQLValue: Hashable, Sendable {
    case null
    case integer(Int64)
    case real(Double)
    /// UTF-8 text. PostgreSQL refuses text that holds U+0000.
    case text(String)
    case blob([UInt8])
    /// A list for ``Transaction/among(_:_:)``.
    case integers([Int64])
    /// A list for ``Transaction/among(_:_:)``. No element may hold U+0000.
    case texts([String])

    /// `value`, or `NULL` if there is none.
    package static func optional(_ value: Int64?) -> SQLValue {
        value.map(SQLValue.integer) ?? .null
    }

    /// `value`, or `NULL` if there is none.
    package static func optional(_ value: String?) -> SQLValue {
        value.map(SQLValue.text) ?? .null
    }

    /// `value`, or `NULL` if there is none.
    package static func optional(_ value: [UInt8]?) -> SQLValue {
        value.map(SQLValue.blob) ?? .null
    }

    /// `value` as 0 or 1, which is how the schema stores it.
    package static func bool(_ value: Bool) -> SQLValue {
        .integer(value ? 1 : 0)
    }
}

extension SQLValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByBooleanLiteral
{
    package init(nilLiteral: ()) {
        self = .null
    }

    package init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    package init(stringLiteral value: String) {
        self = .text(value)
    }

    package init(booleanLiteral value: Bool) {
        self = .bool(value)
    }
}

/// What the list of ``Transaction/among(_:_:)`` holds.
package enum ArrayKind: Sendable {
    case integers
    case texts
}
