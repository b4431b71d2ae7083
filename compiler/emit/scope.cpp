#include "compiler/emit/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

namespace tpc::emit {

using plan::Linear;

Linear combine(const Linear& a, std::int64_t factor, const Linear& b) {
    Linear result = a;
    result.constant += factor * b.constant;
    for (const auto& [slot, coefficient] : b.terms) {
        const auto same = [&, s = slot](const auto& term) { return term.first == s; };
        const auto found = std::find_if(result.terms.begin(), result.terms.end(), same);
        if (found == result.terms.end())
            result.terms.emplace_back(slot, factor * coefficient);
        else
            found->second += factor * coefficient;
    }
    std::erase_if(result.terms, [](const auto& term) { return term.second == 0; });
    return result;
}

std::string Scope::fresh(const std::string& wanted) {
    const std::string base = local_identifier(wanted);
    std::string name = base;
    for (int k = 2; !active_.insert(name).second; ++k)
        name = fmt::format("{}v{}", base, k);
    return name;
}

std::string Scope::enter_own(const std::string& wanted) {
    return fresh(wanted);
}

std::string Scope::enter(std::uint32_t slot, const Bounds& bounds, const Linear* equal) {
    Open open{fresh(names_.at(slot)), bounds, {}, {}};
    if (equal != nullptr) {
        open.written = text(*equal);
        if (equal->denominator == 1)
            open.equal = resolved(*equal);
    }
    return open_.insert_or_assign(slot, open).first->second.name;
}

void Scope::leave(std::uint32_t slot) {
    active_.erase(open_.at(slot).name);
    open_.erase(slot);
}

std::string Scope::with_value(std::uint32_t slot, const std::string& body) {
    const Open& own = open_.at(slot);
    return mentions(body, own.name) ? fmt::format("const int {} = {};\n{}", own.name, own.written, body) : body;
}

std::string Scope::text(const Linear& value) {
    std::string text;
    Linear ordered = value;
    std::stable_partition(ordered.terms.begin(), ordered.terms.end(), [](const auto& term) { return term.second > 0; });
    for (const auto& [slot, coefficient] : ordered.terms) {
        const auto found = open_.find(slot);
        if (found == open_.end())
            throw std::logic_error("an index is read outside its loop");
        const std::int64_t size = std::abs(coefficient);
        text += text.empty() ? (coefficient < 0 ? "-" : "") : coefficient < 0 ? " - " : " + ";
        text += size == 1 ? found->second.name : fmt::format("{} * {}", size, found->second.name);
    }
    if (text.empty())
        text = fmt::format("{}", value.constant);
    else if (value.constant != 0)
        text += fmt::format(" {} {}", value.constant < 0 ? '-' : '+', std::abs(value.constant));
    return value.denominator == 1 ? text : fmt::format("({}) / {}", text, value.denominator);
}

Scope::Bounds Scope::bounds(const Linear& value) const {
    const Linear known = resolved(value);
    Bounds result{known.constant, known.constant};
    for (const auto& [slot, coefficient] : known.terms) {
        const Bounds& own = open_.at(slot).bounds;
        result.least += coefficient * (coefficient > 0 ? own.least : own.greatest);
        result.greatest += coefficient * (coefficient > 0 ? own.greatest : own.least);
    }
    return {result.least / value.denominator, result.greatest / value.denominator};
}

Linear Scope::resolved(const Linear& value) const {
    Linear result{value.constant, {}, 1};
    for (const auto& [slot, coefficient] : value.terms) {
        const auto found = open_.find(slot);
        if (found != open_.end() && found->second.equal)
            result = combine(result, coefficient, *found->second.equal);
        else
            result = combine(result, coefficient, Linear{0, {{slot, 1}}, 1});
    }
    result.denominator = value.denominator;
    return result;
}

Truth Scope::truth(const plan::Guard& guard) const {
    const Bounds range = bounds({guard.value.constant, guard.value.terms, 1});
    switch (guard.relation) {
    case ir::Relation::zero:
        return range.least == 0 && range.greatest == 0 ? Truth::always
               : range.least > 0 || range.greatest < 0 ? Truth::never
                                                       : Truth::unknown;
    case ir::Relation::non_negative:
        return range.least >= 0 ? Truth::always : range.greatest < 0 ? Truth::never : Truth::unknown;
    case ir::Relation::non_zero:
        return range.least > 0 || range.greatest < 0     ? Truth::always
               : range.least == 0 && range.greatest == 0 ? Truth::never
                                                         : Truth::unknown;
    }
    return Truth::unknown;
}

// What has a plus sign on the left, what has a minus sign on the right: l == l_ + 1.
std::string Scope::text(const plan::Guard& guard) {
    Linear first{0, {}, 1};
    Linear second{0, {}, 1};
    for (const auto& [slot, coefficient] : guard.value.terms)
        (coefficient > 0 ? first : second).terms.emplace_back(slot, std::abs(coefficient));
    (guard.value.constant > 0 ? first : second).constant = std::abs(guard.value.constant);
    const char* relation = guard.relation == ir::Relation::zero       ? "=="
                           : guard.relation == ir::Relation::non_zero ? "!="
                                                                      : ">=";
    return fmt::format("{} {} {}", text(first), relation, text(second));
}

bool Scope::same(const Linear& a, const Linear& b) const {
    if (a.denominator != b.denominator)
        return false;
    const Linear difference = combine(resolved(a), -1, resolved(b));
    return difference.terms.empty() && difference.constant == 0;
}

std::string Scope::offset(const plan::Box& box, const std::vector<Index>& indices) {
    const bool affine = std::all_of(indices.begin(), indices.end(),
                                    [](const Index& index) { return index.linear && index.linear->denominator == 1; });
    Linear whole;
    std::string text;
    std::int64_t stride = box.count();
    for (std::size_t d = 0; d < indices.size(); ++d) {
        if (box.size[d] == 0)
            return "0";
        stride /= box.size[d];
        if (affine) {
            whole = combine(whole, stride, *indices[d].linear);
            whole.constant -= stride * box.lower[d];
            continue;
        }
        const std::string index =
            box.lower[d] == 0 ? "(" + indices[d].text + ")" : fmt::format("({} - {})", indices[d].text, box.lower[d]);
        text += (text.empty() ? "" : " + ") + (stride == 1 ? index : fmt::format("{} * {}", stride, index));
    }
    return affine ? this->text(whole) : text;
}

} // namespace tpc::emit
