#if os(Linux)
import Glibc
#endif

/// The code that only the start needed: reading the configuration, building the schema, making the services.
enum StartupCode {
    /// Gives back the memory in which the program's and its libraries' code lies. What is used again is mapped again, from
    /// the system's cache of files, as it is used; what is not, stays out.
    ///
    /// Two thirds of an idle server's memory would else be such code.
    static func release() {
        #if os(Linux)
        guard let maps = fopen("/proc/self/maps", "re") else { return }
        defer { fclose(maps) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while getline(&line, &capacity, maps) > 0, let text = line {
            guard let range = codeRange(String(cString: text)) else { continue }
            madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
        #endif
    }

    /// The addresses of a line of `/proc/PID/maps`, if it is about a file's code: read, executed, never written.
    static func codeRange(_ line: String) -> Range<UInt>? {
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        guard fields.count > 5, fields[1] == "r-xp", fields[5].hasPrefix("/") else { return nil }
        let ends = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
