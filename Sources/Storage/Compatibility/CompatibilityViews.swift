import Crypto
package import SQLEngine

/// The views through which modules see our tables under Synapse's names.
///
/// On SQLite a connection that modules use makes them for itself, as temporary views over our database attached to it;
/// on PostgreSQL they are in a schema of their own. A write to one of them fails with ``CompatibilityView/refusal``.
package enum CompatibilityViews {
    /// The schema of the views on PostgreSQL.
    package static let schema = "synapse_compat"
    /// The schema of what modules create on PostgreSQL.
    package static let modulesSchema = "modules"
    /// What a connection of modules calls our database on SQLite.
    package static let attachedSchema = "server"

    /// All views, with our tables in `schema`.
    package static func all(_ engine: Engine, tablesIn schema: String) -> [CompatibilityView] {
        let dialect = ViewDialect(engine: engine, schema: schema)
        return dialect.accountViews + dialect.eventViews + dialect.roomViews + [schemaVersion]
    }

    private static var schemaVersion: CompatibilityView {
        CompatibilityView(
            "schema_version", instead: "the schema is the server's",
            "SELECT 'X' AS lock, 94 AS version, 1 = 1 AS upgraded")
    }

    // MARK: SQLite

    /// A script for each view; run on a connection that has our database attached as ``attachedSchema``.
    package static var temporaryScripts: [String] {
        all(.sqlite, tablesIn: attachedSchema).map { view in
            var script = "CREATE TEMP VIEW \(view.name) AS\n\(view.select);\n"
            for change in ["INSERT", "UPDATE", "DELETE"] {
                script += """
                    CREATE TEMP TRIGGER axolemma_\(view.name)_\(change.lowercased())
                    INSTEAD OF \(change) ON \(view.name)
                    BEGIN SELECT RAISE(ABORT, \(literal(view.refusal))); END;

                    """
            }
            return script
        }
    }

    // MARK: PostgreSQL

    /// Makes the schemas of modules and of the views, and the views as they are now.
    ///
    /// Several processes may do this at the same time; nothing is done if another has made the same views already. A
    /// migration that changes a column they show must remove them (`DROP SCHEMA IF EXISTS synapse_compat CASCADE`).
    package static func install(on database: any Database) async throws {
        precondition(database.engine == .postgresql, "SQLite's views belong to its connections")
        try await database.write { transaction in
            // The number is arbitrary: "modules" in ASCII.
            try transaction.execute("SELECT pg_advisory_xact_lock(CAST(\(0x6d6f_6475_6c65_73) AS BIGINT))")
            let tables = try schemaOfTables(transaction)
            let views = all(.postgresql, tablesIn: tables)
            let script = script(for: views)
            let digest = SHA256.hash(data: Array(script.utf8)).prefix(8).map { String($0, radix: 16) }
            let comment = "Axolemma's views for modules, \(digest.joined(separator: "."))"
            let found = try transaction.first(
                """
                SELECT obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = $1
                """, .text(schema)
            ) { $0.text(0) }
            if found == comment { return }
            try transaction.run(
                script: """
                    DROP SCHEMA IF EXISTS \(schema) CASCADE;
                    CREATE SCHEMA \(schema);
                    CREATE SCHEMA IF NOT EXISTS \(modulesSchema);
                    \(script)
                    COMMENT ON SCHEMA \(schema) IS \(literal(comment));
                    """)
        }
    }

    /// The schema that our own tables are in.
    package static func schemaOfTables(_ transaction: Transaction) throws -> String {
        try transaction.first(
            """
            SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = to_regclass('current_state')
            """
        ) { $0.text(0) } ?? "public"
    }

    private static func script(for views: [CompatibilityView]) -> String {
        var script = """
            CREATE FUNCTION \(schema).refuse_write() RETURNS trigger LANGUAGE plpgsql AS $refusal$
            BEGIN RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = TG_ARGV[0]; END
            $refusal$;

            """
        for view in views {
            script += """
                CREATE VIEW \(schema).\(view.name) AS
                \(view.select);
                CREATE TRIGGER refuse_write INSTEAD OF INSERT OR UPDATE OR DELETE ON \(schema).\(view.name)
                FOR EACH ROW EXECUTE FUNCTION \(schema).refuse_write(\(literal(view.refusal)));

                """
        }
        return script
    }

    private static func literal(_ text: String) -> String { "'\(text.replacing("'", with: "''"))'" }
}
