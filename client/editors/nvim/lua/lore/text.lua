--- Text from GitLab, written by anybody, made fit to be seen in a buffer.

local M = {}

-- What acts instead of being seen, in UTF-8: escape sequences, controls,
-- direction marks and overrides, line separators, annotations, tags. The first
-- byte of each begins nothing else, so that no character is cut.
local HAZARDS = {
  '\27%[[0-?]*[ -/]*[@-~]', -- CSI
  '\27%][^\7\27]*\7', -- OSC, ended by BEL
  '\27[%]P_^X][^\27]*\27\\', -- strings, ended by ST
  '%c',
  '\194[\128-\159]', -- C1
  '\216\156', -- U+061C
  '\226\128[\142\143\168-\174]', -- U+200E, U+200F, U+2028 to U+202E
  '\226\129[\166-\175]', -- U+2066 to U+206F
  '\239\187\191', -- U+FEFF
  '\239\191[\185-\187]', -- U+FFF9 to U+FFFB
  '\243\160[\128\129][\128-\191]', -- U+E0000 to U+E007F
}

--- `text` as one line; nothing for what is not text.
function M.line(text)
  if type(text) ~= 'string' then
    return ''
  end
  text = text:gsub('\r?\n', ' '):gsub('\t', ' ')
  for _, hazard in ipairs(HAZARDS) do
    text = text:gsub(hazard, '')
  end
  return text
end

--- `text` as a list of lines, without empty ones at the end.
function M.lines(text)
  local lines = {}
  for line in (type(text) == 'string' and text or ''):gmatch('([^\n]*)\n?') do
    lines[#lines + 1] = M.line((line:gsub('\r$', '')))
  end
  while lines[#lines] == '' do
    lines[#lines] = nil
  end
  return lines
end

--- `text` in at most so many columns; what was cut ends in `…`.
function M.cut(text, columns)
  if vim.fn.strdisplaywidth(text) <= columns then
    return text
  end
  local kept = vim.fn.strcharpart(text, 0, math.max(columns - 1, 0))
  while vim.fn.strdisplaywidth(kept) > columns - 1 and kept ~= '' do
    kept = vim.fn.strcharpart(kept, 0, vim.fn.strchars(kept) - 1)
  end
  return kept .. '…'
end

--- `text` and spaces up to so many columns.
function M.pad(text, columns)
  return text .. (' '):rep(columns - vim.fn.strdisplaywidth(text))
end

--- The day of an RFC 3339 time.
function M.day(at)
  return type(at) == 'string' and at:match('^%d%d%d%d%-%d%d%-%d%d') or ''
end

--- `1 thread`, `2 threads`.
function M.count(number, word)
  return ('%d %s%s'):format(number, word, number == 1 and '' or 's')
end

--- How many threads, and how many of them are open; empty for none.
function M.threads(threads)
  if not threads or #threads == 0 then
    return ''
  end
  local open = 0
  for _, thread in ipairs(threads) do
    open = open + (thread.resolved == false and 1 or 0)
  end
  return M.count(#threads, 'thread') .. (open > 0 and (', %d open'):format(open) or '')
end

--- An address that a browser may be given, else nil.
function M.address(url)
  return type(url) == 'string' and url:match('^https?://[%w%-._~:/?#%[%]@!$&\'()*+,;=%%]+$') or nil
end

return M
