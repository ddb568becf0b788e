import Testing

@testable import App

@Suite struct StartupCodeTests {
    @Test func `only the code of files is given back`() {
        let code = "7f0000001000-7f0000003000 r-xp 00001000 08:01 131 /usr/lib/libc.so.6\n"
        #expect(StartupCode.codeRange(code) == 0x7f00_0000_1000..<0x7f00_0000_3000)
        for line in [
            "7f0000001000-7f0000003000 r--p 00001000 08:01 131 /usr/lib/libc.so.6",
            "7f0000001000-7f0000003000 rwxp 00001000 08:01 131 /usr/lib/libc.so.6",
            "7ffc00001000-7ffc00003000 r-xp 00000000 00:00 0 [vdso]", "7f0000001000-7f0000003000 r-xp 00000000 00:00 0",
            "",
        ] {
            #expect(StartupCode.codeRange(line) == nil)
        }
    }

    @Test func `what runs goes on running`() {
        StartupCode.release()
        #expect((1...1_000).reduce(0, +) == 500_500)
    }
}
