import Foundation
import Testing

@Suite struct CompatibilityPageTests {
    /// `AXOLEMMA_WRITE_DOCS=1` writes the page instead.
    @Test func `docs/compatibility.md says what is served`() async throws {
        try await withEndpoints { endpoints in
            let page = try CompatibilityPage(endpoints).markdown
            let path = repositoryPath("docs/compatibility.md")
            if ProcessInfo.processInfo.environment["AXOLEMMA_WRITE_DOCS"] == "1" {
                try page.write(toFile: path, atomically: true, encoding: .utf8)
            }
            let written = try? String(contentsOfFile: path, encoding: .utf8)
            #expect(written == page, "docs/compatibility.md is out of date: run `make docs`")
        }
    }
}
