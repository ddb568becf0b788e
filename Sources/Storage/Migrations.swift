package import SQLEngine

/// The schema's history. A released migration is never edited; a change is a new one.
package enum Schema {
    package static let migrations = [
        Migration(version: 1, name: "rooms", sql: text(PackageResources._001_rooms_sql)),
        Migration(version: 2, name: "accounts", sql: text(PackageResources._002_accounts_sql)),
        Migration(version: 3, name: "module accounts", sql: text(PackageResources._003_module_accounts_sql)),
        Migration(version: 4, name: "account_data", sql: text(PackageResources._004_account_data_sql)),
    ]

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
