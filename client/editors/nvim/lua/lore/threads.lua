--- `:LoreThreads`: review threads beside the lines that they are on.

local checkout = require('lore.checkout')
local client = require('lore.client')
local report = require('lore.report')
local text = require('lore.text')
local view = require('lore.view')

local M = {}

-- Merge requests whose threads are looked at.
local LIMIT = 200
-- Columns of a thread's first words beside a line.
local WORDS = 60

local space = vim.api.nvim_create_namespace('lore.threads')

-- The threads on lines of the new file, by line, and how many there are besides.
local function by_line(history, last)
  local lines, elsewhere = {}, 0
  for _, merge_request in ipairs(history.merge_requests) do
    for _, thread in ipairs(merge_request.discussions or {}) do
      if thread.line and thread.side ~= 'old' and thread.line <= last then
        lines[thread.line] = lines[thread.line] or {}
        table.insert(lines[thread.line], { merge_request = merge_request, thread = thread })
      else
        elsewhere = elsewhere + 1
      end
    end
  end
  return lines, elsewhere
end

-- What stands behind a line.
local function remark(threads)
  local first = threads[1]
  local note = first.thread.notes[1] or {}
  local others = #threads > 1 and (' and %d more'):format(#threads - 1) or ''
  return ('  ● !%d %s: %s%s'):format(
    first.merge_request.iid,
    text.line(note.author),
    text.cut(text.line(note.body), WORDS),
    others
  )
end

local function any_open(threads)
  for _, one in ipairs(threads) do
    if one.thread.resolved == false then
      return true
    end
  end
end

local function mark(buffer, lines)
  vim.api.nvim_buf_clear_namespace(buffer, space, 0, -1)
  for line, threads in pairs(lines) do
    vim.api.nvim_buf_set_extmark(buffer, space, line - 1, 0, {
      virt_text = { { remark(threads), any_open(threads) and 'LoreOpen' or 'LoreDim' } },
    })
  end
end

-- Shows the threads of the line under the cursor until the cursor moves.
local function float(buffer, threads)
  local page = view.threads_page(threads)
  local width = 20
  for _, line in ipairs(page.lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line))
  end
  local shown = vim.api.nvim_create_buf(false, true)
  view.dress(shown)
  vim.bo[shown].bufhidden = 'wipe'
  view.put(shown, page)
  local window = vim.api.nvim_open_win(shown, false, {
    relative = 'cursor',
    row = 1,
    col = 0,
    width = math.max(math.min(width, vim.o.columns - 4), 1),
    height = math.max(math.min(#page.lines, math.floor(vim.o.lines / 2)), 1),
    style = 'minimal',
    border = 'rounded',
  })
  vim.wo[window].wrap = true
  local function close()
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_close(window, true)
    end
  end
  vim.keymap.set('n', 'q', close, { buffer = shown, desc = 'Close' })
  vim.api.nvim_create_autocmd({ 'CursorMoved', 'InsertEnter', 'BufLeave' }, {
    buffer = buffer,
    once = true,
    callback = function()
      -- Somebody who went into the window reads there.
      if vim.api.nvim_get_current_win() ~= window then
        vim.schedule(function()
          if vim.api.nvim_get_current_win() ~= window then
            close()
          end
        end)
      end
    end,
  })
end

--- Marks a buffer's lines, and opens the threads of the current one.
function M.show(buffer)
  checkout.file(buffer, nil, function(failure, params)
    if failure then
      return report.error(failure)
    end
    params.discussions = true
    params.limit = LIMIT
    client.request('fileHistory.get', params, function(refused, answer)
      if refused then
        return report.error(refused)
      end
      if not vim.api.nvim_buf_is_loaded(buffer) then
        return
      end
      report.caveats(answer)
      local lines, elsewhere = by_line(answer.data, vim.api.nvim_buf_line_count(buffer))
      mark(buffer, lines)
      if vim.api.nvim_get_current_buf() == buffer then
        local here = lines[vim.api.nvim_win_get_cursor(0)[1]]
        if here then
          return float(buffer, here)
        end
      end
      local marked = vim.tbl_count(lines)
      if marked + elsewhere == 0 then
        report.info('there are no review threads on this file')
      else
        local said = 'threads on ' .. text.count(marked, 'line')
        if elsewhere > 0 then
          said = ('%s; %s on no line that is here: :LoreFileHistory'):format(said, text.count(elsewhere, 'thread'))
        end
        report.info(said)
      end
    end)
  end)
end

--- Takes the marks away.
function M.clear(buffer)
  vim.api.nvim_buf_clear_namespace(buffer, space, 0, -1)
end

return M
