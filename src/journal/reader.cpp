#include "journal/reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "journal/segment_scan.h"

namespace journal {
namespace {

using Segments = std::map<std::uint32_t, const FoundSegment*>;  // by number

// The bytes of a segment, as far as they are there.
struct Images {
  std::vector<std::byte> bytes;
  std::span<const std::byte> memory, second;
  std::size_t unreadable_blocks = 0;
  bool cut_short = false;
};

Images load(Disk& disk, const FoundSegment& segment) {
  Images images;
  const std::size_t there = std::min<std::size_t>(segment.header.file_bytes(), segment.file.bytes);
  images.cut_short = there < segment.header.file_bytes();
  images.bytes.resize(there);
  const std::span all(images.bytes);
  if (!disk.read(segment.name, 0, all))
    for (std::size_t at = 0; at < there; at += block_bytes)
      if (const auto block = all.subspan(at, std::min(block_bytes, there - at)); !disk.read(segment.name, at, block)) {
        std::ranges::fill(block, std::byte{0});
        ++images.unreadable_blocks;
      }
  images.memory = all.first(std::min<std::size_t>(there, segment.header.segment_bytes));
  images.second = all.subspan(images.memory.size());
  return images;
}

Note note_of(std::span<const std::byte> payload) {
  Note note;
  std::memcpy(&note, payload.data(), std::min(sizeof note, payload.size()));
  return note;
}

// From which segment on all are needed, by the last note that there is.
std::uint32_t oldest_needed(Disk& disk, const Segments& segments) {
  for (auto at = segments.rbegin(); at != segments.rend(); ++at) {
    const Images images = load(disk, *at->second);
    SegmentScan scan(images.memory, images.second, at->second->header.seed(), 0);
    std::uint32_t oldest = 0;
    while (const auto step = scan.next())
      if (step->record.kind == Kind::note) oldest = std::max(oldest, note_of(step->record.payload).oldest_segment);
    if (oldest > 0) return oldest;
  }
  return 1;  // none was used
}

// Reads one worker's journal.
class JournalRead {
 public:
  JournalRead(Disk& disk, std::uint32_t worker, const std::function<base::Status(const FoundRecord&)>& visit)
      : disk_(disk), visit_(visit) {
    report_.worker = worker;
  }

  base::Status read(const Segments& segments, bool same_boot) {
    std::uint32_t oldest = segments.empty() ? 1 : oldest_needed(disk_, segments);
    // A note that a power loss left may speak of copies that it took. Until those were on the disk, no file was used
    // again: what is still there counts.
    if (!same_boot && !segments.empty()) oldest = std::min(oldest, segments.begin()->first);
    next_number_ = oldest;
    for (auto at = segments.lower_bound(oldest); at != segments.end(); ++at) {
      if (at->first != next_number_) missing(next_number_, at->first - 1);
      TRY_STATUS(read(*at->second));
      next_number_ = at->first + 1;
    }
    if (sealed_ || next_number_ == oldest) missing(next_number_, next_number_);
    if (!clean_) defect("its last record is torn");
    return {};
  }
  JournalReport take() { return std::move(report_); }
  std::uint64_t store_commit() const { return store_commit_; }

 private:
  base::Status read(const FoundSegment& segment) {
    const std::uint32_t number = segment.header.number;
    const Images images = load(disk_, segment);
    SegmentScan scan(images.memory, images.second, segment.header.seed(), report_.last);
    bool any = false;
    while (const auto step = scan.next()) {
      if (!any && !sealed_ && started_) defect("segment {} ends before its end", number - 1);
      TRY_STATUS(take(*step, number));
      any = true;
    }
    if (images.cut_short) defect("segment {} is cut short", number);
    if (images.unreadable_blocks > 0)
      defect("{} blocks of segment {} cannot be read", images.unreadable_blocks, number);
    if (any || !started_) {
      sealed_ = scan.sealed();
      clean_ = scan.ends_clean();
    } else {
      clean_ = clean_ && scan.ends_clean();
      sealed_ = false;
    }
    return {};
  }

  base::Status take(const SegmentScan::Step& step, std::uint32_t segment) {
    const RecordView& record = step.record;
    if (!started_ && record.kind == Kind::note && step.offset == records_at) {
      report_.before = record.sequence;  // whatever it is: the numbers begin here
    } else if (step.after_hole) {
      defect("something is lost in segment {} before record {}", segment, record.sequence);
    }
    started_ = true;
    report_.last = record.sequence;
    if (record.kind == Kind::note) {
      const Note note = note_of(record.payload);
      store_commit_ = std::max(store_commit_, note.store_commit);
      report_.flushed = std::max(report_.flushed, note.flushed);
    }
    if (!is_data(record.kind)) return {};
    ++report_.records;
    if (hole_) ++report_.beyond_holes;
    return visit_(FoundRecord{.worker = report_.worker,
                              .kind = record.kind,
                              .sequence = record.sequence,
                              .beyond_hole = hole_,
                              .payload = record.payload});
  }

  void missing(std::uint32_t first, std::uint32_t last) {
    if (first == last) return defect("segment {} is missing", first);
    defect("segments {} to {} are missing", first, last);
  }
  // What comes behind is behind a hole.
  template <class... Values>
  void defect(fmt::format_string<Values...> what, Values&&... values) {
    report_.defects.push_back(fmt::format(what, std::forward<Values>(values)...));
    hole_ = true;
  }

  Disk& disk_;
  const std::function<base::Status(const FoundRecord&)>& visit_;
  JournalReport report_;
  std::uint64_t store_commit_ = 0;
  std::uint32_t next_number_ = 1;
  bool started_ = false;  // a record was found
  bool sealed_ = false;   // of the segment that was read last
  bool clean_ = true;
  bool hole_ = false;
};

// What can be said of the files themselves. Returns those of `owner`, by worker and number.
std::vector<Segments> sort_out(const Folder& folder, const Owner& owner, const base::Uuid& boot, Report& report) {
  std::vector<Segments> workers;
  for (const std::string& name : folder.damaged) report.defects.push_back(fmt::format("{} has no valid header", name));
  for (const FoundSegment& segment : folder.segments) {
    const SegmentHeader& header = segment.header;
    if (header.owner.store != owner.store || header.owner.node != owner.node) {
      report.foreign.push_back(segment.name);
      continue;
    }
    if (header.owner.incarnation != owner.incarnation) {
      if (!std::ranges::count(report.other_incarnations, header.owner.incarnation))
        report.other_incarnations.push_back(header.owner.incarnation);
      continue;
    }
    if (header.boot != boot) report.same_boot = false;
    if (segment.file.place != header.place)
      report.defects.push_back(fmt::format("{} is a copy: it was made in another place", segment.name));
    if (segment.file.write_back_failed)
      report.defects.push_back(fmt::format("{} could not be written to the disk", segment.name));
    if (workers.size() < std::max(header.workers, header.worker + 1))
      workers.resize(std::max(header.workers, header.worker + 1));
    if (!workers[header.worker].emplace(header.number, &segment).second)
      report.defects.push_back(fmt::format("{} is there twice", segment.name));
  }
  return workers;
}

}  // namespace

base::Result<Folder> look_through(Disk& disk) {
  Folder folder;
  TRY(const std::vector<std::string> names, disk.list());
  for (const std::string& name : names) {
    auto facts = disk.look(name);
    if (!facts) {
      folder.damaged.push_back(name);
      continue;
    }
    FoundSegment segment{.name = name, .header = {}, .file = *facts};
    std::array<std::byte, header_bytes> bytes{};
    const auto header_at = [&](std::size_t offset) {
      return disk.read(name, offset, bytes) ? read_header(bytes, segment.header) : HeaderState::damaged;
    };
    auto state = header_at(0);
    // The second image has it too. A blank first one was made blank on purpose.
    if (state == HeaderState::damaged) state = header_at(segment.file.bytes / 2);
    if (state == HeaderState::valid && segment.header.is_sane()) {
      folder.segments.push_back(std::move(segment));
    } else {
      (state == HeaderState::blank ? folder.blank : folder.damaged).push_back(name);
    }
  }
  return folder;
}

base::Result<Report> read_journals(Disk& disk, const Owner& owner,
                                   const std::function<base::Status(const FoundRecord&)>& visit) {
  TRY(const Folder folder, look_through(disk));
  Report report;
  const std::vector<Segments> workers = sort_out(folder, owner, disk.boot(), report);
  for (std::size_t worker = 0; worker < workers.size(); ++worker) {
    JournalRead journal(disk, static_cast<std::uint32_t>(worker), visit);
    TRY_STATUS(journal.read(workers[worker], report.same_boot));
    report.store_commit = std::max(report.store_commit, journal.store_commit());
    report.journals.push_back(journal.take());
  }
  return report;
}

std::string Report::doubt(std::span<const Sequence> flushed) const {
  if (journals.empty()) return "there is no journal of this incarnation";
  if (!same_boot) return "the machine was started anew";
  if (!defects.empty()) return defects.front();
  if (journals.size() != flushed.size())
    return fmt::format("there are {} journals, and the store knows {}", journals.size(), flushed.size());
  for (const JournalReport& journal : journals) {
    const Sequence mark = flushed[journal.worker];
    if (!journal.defects.empty()) return fmt::format("journal {}: {}", journal.worker, journal.defects.front());
    if (journal.last < mark)
      return fmt::format("journal {} ends at record {}, and the store has {}", journal.worker, journal.last, mark);
    if (journal.flushed > mark)
      return fmt::format("journal {} knows that the store had record {}, and it has {}", journal.worker,
                         journal.flushed, mark);
  }
  return {};
}

base::Status discard_journals(Disk& disk, const Owner& through) {
  TRY(const Folder folder, look_through(disk));
  for (const FoundSegment& segment : folder.segments)
    if (segment.header.owner.store == through.store && segment.header.owner.node == through.node &&
        segment.header.owner.incarnation <= through.incarnation)
      TRY_STATUS(disk.remove(segment.name));
  for (const std::string& name : folder.blank) TRY_STATUS(disk.remove(name));
  for (const std::string& name : folder.damaged) {
    std::int64_t incarnation = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), incarnation);
    if (parsed.ec == std::errc() && incarnation <= through.incarnation) TRY_STATUS(disk.remove(name));
  }
  return {};
}

}  // namespace journal
