--- Issues and merge requests in the quickfix list or a picker.

local text = require('lore.text')
local view = require('lore.view')

local M = {}

-- The lines of a quickfix list: `text` alone, since the names of the buffers
-- would fill the screen.
local function quickfix_text(info)
  local list = vim.fn.getqflist({ id = info.id, items = 1 })
  local lines = {}
  for at = info.start_idx, info.end_idx do
    lines[#lines + 1] = list.items[at].text
  end
  return lines
end

--- The cells of rows below each other. A row is a list of texts; the last one
--- of each is not padded.
function M.align(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for at = 1, #row - 1 do
      widths[at] = math.max(widths[at] or 0, vim.fn.strdisplaywidth(row[at]))
    end
  end
  local lines = {}
  for _, row in ipairs(rows) do
    local cells = {}
    for at, cell in ipairs(row) do
      cells[at] = at < #row and text.pad(cell, widths[at]) or cell
    end
    lines[#lines + 1] = (table.concat(cells, '  '):gsub('%s+$', ''))
  end
  return lines
end

--- Shows items, each `{ uri =, line = }`.
--- @param list table `title`; `items`; `head` and `foot`, lists of lines that
---   stand around them in quickfix.
--- @param pick boolean By `vim.ui.select` instead of quickfix.
function M.show(list, pick)
  if pick then
    return vim.ui.select(list.items, {
      prompt = list.title,
      kind = 'lore',
      format_item = function(item)
        return item.line
      end,
    }, function(item)
      if item then
        view.open(item.uri)
      end
    end)
  end
  local entries = {}
  local function remark(line)
    entries[#entries + 1] = { text = line, valid = 0 }
  end
  vim.tbl_map(remark, list.head or {})
  for _, item in ipairs(list.items) do
    entries[#entries + 1] = { bufnr = vim.fn.bufadd(item.uri), lnum = 1, text = item.line, valid = 1 }
  end
  vim.tbl_map(remark, list.foot or {})
  vim.fn.setqflist({}, ' ', {
    title = list.title,
    items = entries,
    quickfixtextfunc = quickfix_text,
  })
  vim.cmd('botright copen')
end

return M
